// Need against budget: the verdict, its reason in a sentence, and the common_devices of devices around the boundary.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <utility>

#include "formats/checked.h"
#include "src/devices/budget.h"
#include "src/devices/rule.h"
#include "src/devices/units.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

// Nobody has 2^64 bytes: a sum that would overflow is as good as that.
std::uint64_t add(std::uint64_t a, std::uint64_t b) { return checked_add(a, b).value_or(kMax); }
std::uint64_t times(std::uint64_t a, std::uint64_t b) { return checked_mul(a, b).value_or(kMax); }
std::uint64_t less(std::uint64_t a, std::uint64_t b) { return a - std::min(a, b); }

std::int64_t difference(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kMaxSigned = std::numeric_limits<std::int64_t>::max();
  const auto distance = static_cast<std::int64_t>(std::min(std::max(a, b) - std::min(a, b), kMaxSigned));
  return a >= b ? distance : -distance;
}

// Bytes of the pieces that find no place when `count` devices with `room` bytes each take them in order, whole. Filling
// each device before the next is the best there is for pieces in a fixed order.
std::uint64_t left_over(const std::vector<std::uint64_t>& pieces, std::uint64_t count, std::uint64_t room) {
  std::uint64_t left = 0;
  std::uint64_t device = 1;
  std::uint64_t used = 0;
  for (const std::uint64_t piece : pieces) {
    if (left == 0 && piece > less(room, used)) {
      ++device;
      used = 0;
    }
    const bool placed = left == 0 && device <= count && piece <= room;
    (placed ? used : left) = add(placed ? used : left, piece);
  }
  return left;
}

// Bytes of a need that do not find a place on the devices when each may take `per_device` bytes: by sums and, for more
// than one device, piece by piece.
struct Shortfall {
  std::uint64_t by_sum = 0;
  std::uint64_t by_pieces = 0;

  [[nodiscard]] bool none() const { return by_sum == 0 && by_pieces == 0; }
  [[nodiscard]] std::uint64_t bytes() const { return std::max(by_sum, by_pieces); }
};

Shortfall shortfall(const Need& need, const Device& device, std::uint64_t per_device) {
  Shortfall result;
  result.by_sum = less(need.total(), times(per_device, device.count));
  if (device.count <= 1 || need.pieces.empty()) return result;
  const std::uint64_t divided = less(need.total(), need.weights.value_or(0));
  const std::uint64_t share = divided / device.count + (divided % device.count == 0 ? 0 : 1);
  if (share > per_device) {
    result.by_pieces = need.total();
    return result;
  }
  result.by_pieces = left_over(need.pieces, device.count, per_device - share);
  return result;
}

struct HelpText {
  Verdict verdict;
  std::string text;
};

// What there is to do about a need above the limit.
HelpText help_for(const Need& need, const Device& device, const Budget& budget) {
  const Help help = rule_of(device).help;
  if (help == Help::HostMemory) {
    const std::uint64_t moved = shortfall(need, device, budget.safe).bytes();
    return {Verdict::Over, fmt::format("runs only with layers or experts in host memory, at least {} there, and how "
                                       "much the host has is not known",
                                       human_bytes(moved))};
  }
  if (help == Help::Paging) return {Verdict::Over, "what does not fit is read from disk again and again, far slower"};
  if (budget.raised <= budget.limit || !shortfall(need, device, budget.raised).none()) {
    return {Verdict::No, help == Help::None ? "nothing here holds the rest" : "more than any setting gives"};
  }
  switch (help) {
    case Help::WiredLimit:
      return {Verdict::Over,
              fmt::format("raise iogpu.wired_limit_mb to {}, with nothing else running", budget.raised / kMiB)};
    case Help::TtmPages: return {Verdict::Over, fmt::format("raise ttm.pages_limit to {}", budget.raised / 4096)};
    case Help::Entitlement: return {Verdict::Over, "needs the increased-memory-limit entitlement"};
    default: return {Verdict::Over, "put layers on the CPU, in the part of memory the GPU may not take"};
  }
}

// "3.00 GiB above the safe budget, 1.60 GiB above what the driver gives"
std::string distance_text(const Fit& fit, std::uint64_t need) {
  const auto against = [need](std::uint64_t bytes, std::string_view what) {
    if (need == bytes) return fmt::format("exactly {}", what);
    return fmt::format("{} {} {}", human_bytes(std::max(need, bytes) - std::min(need, bytes)),
                       need > bytes ? "above" : "below", what);
  };
  const std::string limit =
      against(fit.limit_bytes, fit.device.limit_is_free ? "what is free now" : rule_of(fit.device).limit_name);
  return fit.budget_bytes == fit.limit_bytes ? limit : against(fit.budget_bytes, "the safe budget") + ", " + limit;
}

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  constexpr auto kNames = std::to_array<std::string_view>({"fits", "tight", "over", "no"});
  return kNames[static_cast<std::size_t>(verdict)];
}

std::uint64_t Need::total() const {
  std::uint64_t sum = 0;
  for (const auto part : kNeedParts) sum = add(sum, (this->*part).value_or(0));
  return sum;
}

Fit judge(const Need& need, const Device& device, std::string_view engine) {
  const Budget budget = budget_of(device, engine);
  Fit fit;
  fit.device = device;
  fit.engine = engine;
  fit.need = need;
  if (need.overhead) fit.need.overhead = times(*need.overhead, device.count);
  fit.memory_bytes = times(budget.memory, device.count);
  fit.limit_bytes = times(budget.limit, device.count);
  fit.budget_bytes = times(budget.safe, device.count);
  const std::uint64_t total = fit.need.total();
  fit.headroom_bytes = difference(fit.budget_bytes, total);

  const Shortfall above_safe = shortfall(fit.need, device, budget.safe);
  const Shortfall above_limit = shortfall(fit.need, device, budget.limit);
  if (above_safe.none()) {
    fit.verdict = Verdict::Fits;
    fit.distance =
        total == fit.budget_bytes ? "exactly the safe budget" : human_bytes(fit.budget_bytes - total) + " to spare";
  } else {
    fit.distance = distance_text(fit, total);
    const Shortfall& decisive = above_limit.none() ? above_safe : above_limit;
    if (decisive.by_sum == 0) fit.distance += ", but no split into whole layers keeps every device within its own";
    fit.verdict = Verdict::Tight;
    if (!above_limit.none()) {
      HelpText help = help_for(fit.need, device, budget);
      fit.verdict = help.verdict;
      fit.help = std::move(help.text);
    }
  }
  fit.rule = (device.count > 1 ? "safe on each: " : "safe: ") + budget.reason;
  set_reason(fit);
  return fit;
}

Fit judge_each(const Device& label, std::span<const Device> devices, std::span<const Need> needs,
               std::string_view engine) {
  Fit fit;
  fit.device = label;
  fit.engine = engine;
  fit.verdict = Verdict::Fits;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const Budget budget = budget_of(devices[i], engine);
    fit.memory_bytes = add(fit.memory_bytes, budget.memory);
    fit.limit_bytes = add(fit.limit_bytes, budget.limit);
    fit.budget_bytes = add(fit.budget_bytes, budget.safe);
    const std::uint64_t total = needs[i].total();
    Verdict one = total <= budget.safe ? Verdict::Fits : Verdict::Tight;
    if (total > budget.limit) {
      HelpText help = help_for(needs[i], devices[i], budget);
      one = help.verdict;
      if (fit.help.empty() || one > fit.verdict) fit.help = std::move(help.text);
    }
    fit.verdict = std::max(fit.verdict, one);
    for (const auto part : kNeedParts) {
      auto& sum = fit.need.*part;
      const auto& bytes = needs[i].*part;
      if (i == 0) {
        sum = bytes;
      } else {
        sum = sum && bytes ? std::optional(add(*sum, *bytes)) : std::nullopt;
      }
    }
    if (fit.rule.find(budget.reason) == std::string::npos) {
      fit.rule += (fit.rule.empty() ? "safe: " : ", ") + budget.reason;
    }
  }
  const std::uint64_t total = fit.need.total();
  fit.headroom_bytes = difference(fit.budget_bytes, total);
  if (total == fit.budget_bytes) {
    fit.distance = "exactly the safe budget";
  } else {
    fit.distance =
        fit.verdict == Verdict::Fits ? human_bytes(fit.budget_bytes - total) + " to spare" : distance_text(fit, total);
  }
  if (fit.verdict != Verdict::Fits && total <= fit.budget_bytes) {
    fit.distance += ", but no split into whole layers keeps every device within its own";
  }
  set_reason(fit);
  return fit;
}

void set_reason(Fit& fit) {
  fit.reason = fmt::format("{}{}{}; {}", fit.distance, fit.help.empty() ? "" : "; ", fit.help, fit.rule);
}

std::vector<Fit> common_devices(const Need& need, std::string_view engine, const Catalogue& catalogue) {
  return common_devices(catalogue, [&](const Device& device) {
    Need here = need;
    if (here.overhead) here.overhead = engine_overhead(device);
    return judge(here, device, engine);
  });
}

std::vector<Fit> common_devices(const Catalogue& catalogue, const std::function<Fit(const Device&)>& judged) {
  constexpr std::size_t kStepsBelow = 3;
  constexpr std::size_t kStepsAbove = 3;
  std::vector<Fit> steps;
  for (const Device& device : catalogue.devices()) {
    if (!device.common) continue;
    Fit fit = judged(device);
    // Two cards of one kind and nearly the same memory tell a person the same; the first in the catalogue stands for
    // both.
    const bool told = std::ranges::any_of(steps, [&](const Fit& other) {
      const std::uint64_t apart =
          std::max(other.memory_bytes, fit.memory_bytes) - std::min(other.memory_bytes, fit.memory_bytes);
      return other.device.kind == device.kind && other.device.count == device.count && apart <= fit.memory_bytes / 50;
    });
    if (!told) steps.push_back(std::move(fit));
  }
  std::ranges::stable_sort(steps, {}, &Fit::budget_bytes);

  const auto fits = [](const Fit& fit) { return fit.verdict == Verdict::Fits; };
  auto below = static_cast<std::size_t>(std::ranges::count_if(steps, std::not_fn(fits)));
  std::size_t above = 0;
  std::vector<Fit> rungs;
  for (Fit& fit : steps) {
    const bool kept = fits(fit) ? above++ < kStepsAbove : below-- <= kStepsBelow;
    if (kept) rungs.push_back(std::move(fit));
  }
  return rungs;
}

}  // namespace weigh::core
