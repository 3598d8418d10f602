#include "src/fit/context.h"

#include <algorithm>

#include "src/fit/weigh_run.h"
#include "src/memory/cache.h"

namespace weigh::core {

std::optional<LargestContext> largest_context(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  constexpr std::uint64_t kUnknownModels = std::uint64_t{1} << 20;
  const RunModel* model = candidate.run_model();
  if (model == nullptr) return std::nullopt;
  const std::uint64_t own = model->trained_context.value_or(kUnknownModels);
  const std::uint64_t most = std::max({own, run.context.value_or(0), std::uint64_t{1}});
  Run tried = run;
  const auto good = [&](std::uint64_t tokens) {
    tried.context = tokens;
    return fits(candidate, tried, devices);
  };
  // Contexts are rounded up to a multiple per sequence: the model's own is tried first, then multiples below it.
  if (good(most)) return LargestContext{most, model->trained_context == most};
  const std::uint64_t step = kCellMultiple * (run.unified_cache ? 1 : std::max<std::uint64_t>(run.sequences, 1));
  if (step >= most || !good(step)) return std::nullopt;
  std::uint64_t yes = 1;
  std::uint64_t no = (most + step - 1) / step;
  while (no - yes > 1) {
    const std::uint64_t middle = yes + (no - yes) / 2;
    (good(middle * step) ? yes : no) = middle;
  }
  return LargestContext{yes * step, false};
}

}  // namespace weigh::core
