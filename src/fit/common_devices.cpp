#include "src/fit/common_devices.h"

#include <algorithm>

#include "src/fit/device_set.h"

namespace weigh::core {

std::vector<Fit> common_devices(const Catalogue& catalogue, const std::function<Fit(const DeviceSet&)>& judged,
                                const std::function<Fit(const DeviceSet&)>& worked_out) {
  constexpr std::size_t kStepsBelow = 3;
  constexpr std::size_t kStepsAbove = 3;
  std::vector<Fit> steps;
  for (const Device& device : catalogue.devices()) {
    if (!device.common) continue;
    Fit fit = judged(device_set_of(device));
    // Two cards of one kind and nearly the same memory say the same; the first in the catalogue is shown for both.
    const bool shown = std::ranges::any_of(steps, [&](const Fit& other) {
      return other.device.kind == device.kind && other.device.count == device.count &&
             apart(other.memory_bytes, fit.memory_bytes) <= fit.memory_bytes / 50;
    });
    if (!shown) steps.push_back(std::move(fit));
  }
  std::ranges::stable_sort(steps, {}, &Fit::budget_bytes);

  const auto fits = [](const Fit& fit) { return fit.verdict == Verdict::Fits; };
  auto below = static_cast<std::size_t>(std::ranges::count_if(steps, std::not_fn(fits)));
  std::size_t above = 0;
  std::vector<Fit> shown;
  for (Fit& fit : steps) {
    const bool kept = fits(fit) ? above++ < kStepsAbove : below-- <= kStepsBelow;
    if (kept) shown.push_back(worked_out ? worked_out(device_set_of(fit.device)) : std::move(fit));
  }
  return shown;
}

}  // namespace weigh::core
