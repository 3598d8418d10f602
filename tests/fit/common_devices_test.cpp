#include "src/fit/common_devices.h"

#include "src/devices/units.h"
#include "src/fit/verdict.h"
#include "tests/fit/models.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

MemoryNeed weights_of(std::uint64_t bytes) {
  MemoryNeed need;
  need.weights = bytes;
  return need;
}

std::vector<Fit> common_devices(const MemoryNeed& need, std::optional<Engine> engine) {
  return common_devices(catalogue(), [&](const DeviceSet& devices) {
    MemoryNeed here = need;
    if (here.overhead) here.overhead = engine_overhead(devices.label);
    return judge(devices, here, engine);
  });
}

}  // namespace

TEST_CASE("common devices are below and above the boundary, smallest first") {
  for (const std::uint64_t bytes :
       {std::uint64_t{1}, 6 * kGiB, 23 * kGiB, 90 * kGiB, 350 * kGiB, std::uint64_t{1'200'000'000'000}, 5000 * kGiB}) {
    CAPTURE(bytes);
    MemoryNeed need = weights_of(bytes);
    need.overhead = 0;
    const std::vector<Fit> steps = common_devices(need, Engine::LlamaCpp);
    REQUIRE(steps.size() >= 3);
    CHECK(steps.size() <= 6);
    std::size_t fitting = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      CAPTURE(steps[i].device.id);
      CHECK(steps[i].device.common);
      CHECK(steps[i].engine == Engine::LlamaCpp);
      CHECK(steps[i].need.overhead == engine_overhead(steps[i].device) * steps[i].device.count);
      if (i > 0) CHECK(steps[i - 1].budget_bytes <= steps[i].budget_bytes);
      if (steps[i].verdict == Verdict::Fits) ++fitting;
    }
    CHECK(fitting <= 3);
    CHECK((fitting > 0) == (bytes <= 1'200'000'000'000));
    CHECK((fitting < steps.size()) == (bytes > 1));
  }
}

TEST_CASE("they name the device at the boundary, and none twice over") {
  const std::vector<Fit> steps = common_devices(weights_of(26'441'533'376), std::nullopt);
  std::vector<std::string> ids;
  for (const Fit& step : steps) ids.push_back(step.device.id);
  CHECK(ids == std::vector<std::string>{"rtx-4080", "m4-32gb", "rtx-4090", "rtx-5090", "m4-pro-48gb", "dual-rtx-4090"});
  CHECK_FALSE(steps.front().need.overhead.has_value());
}
