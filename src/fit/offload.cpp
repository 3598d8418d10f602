// How little of a run must go to the host.
#include "src/fit/offload.h"

#include <algorithm>

#include "formats/checked.h"
#include "src/fit/layout.h"
#include "src/fit/weigh_run.h"

namespace weigh::core {

namespace {

std::uint64_t block_count(const Candidate& candidate) { return candidate.parts().blocks.size(); }

// The smallest value in (no, yes] that is good, when `yes` is and larger ones are better.
template <typename Good>
std::uint64_t smallest(std::uint64_t no, std::uint64_t yes, const Good& good) {
  while (yes - no > 1) {
    const std::uint64_t middle = no + (yes - no) / 2;
    (good(middle) ? yes : no) = middle;
  }
  return yes;
}

// Whether the blocks' weights alone are more than the devices take. The rest of a need is found by replaying the engine's
// graph, which takes its time.
bool weighs_too_much(const Candidate& candidate, const Run& run, const DeviceSet& devices) {
  std::uint64_t room = 0;
  for (const Slot& slot : devices.slots) room = plus(room, slot.budget.safe);
  const WeightParts& parts = candidate.parts();
  const std::uint64_t all = parts.blocks.size() + 1;
  std::uint64_t weights = 0;
  for (std::uint64_t block = all - std::min(run.gpu_layers.value_or(all), all); block < parts.blocks.size(); ++block) {
    weights = plus(weights, minus(parts.blocks[block].bytes, kept_on_host(parts, block, run).bytes));
  }
  return weights > room;
}

bool runs_with(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  return !weighs_too_much(candidate, run, devices) && fits(candidate, run, devices);
}

std::optional<Run> with_experts_on_host(Candidate& candidate, Run run, const DeviceSet& devices) {
  if (!candidate.has_experts() || run.cpu_moe_layers != 0) return std::nullopt;
  const auto good = [&](std::uint64_t layers) {
    run.cpu_moe_layers = layers;
    return runs_with(candidate, run, devices);
  };
  if (!good(block_count(candidate))) return std::nullopt;
  const std::uint64_t least = smallest(0, block_count(candidate), good);
  return good(least) ? std::optional(run) : std::nullopt;
}

}  // namespace

std::optional<Run> layers_to_host(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  if (!beside_host(candidate, devices) || run.gpu_layers) return std::nullopt;
  Run moved = run;
  const std::uint64_t all = block_count(candidate) + 1;
  const auto good = [&](std::uint64_t on_host) {
    moved.gpu_layers = all - on_host;
    return runs_with(candidate, moved, devices);
  };
  if (!good(all)) return std::nullopt;
  // The layers in between are all alike but for the buffers, which grow once at the first of them.
  const std::uint64_t least = good(0) ? 0 : smallest(0, all, good);
  return good(least) ? std::optional(moved) : std::nullopt;
}

std::optional<Run> moved_to_host(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  if (!beside_host(candidate, devices)) return std::nullopt;
  if (auto experts = with_experts_on_host(candidate, run, devices)) return experts;
  Run moved = run;
  if (candidate.has_experts() && run.cpu_moe_layers == 0) {
    moved.cpu_moe_layers = block_count(candidate);
    if (auto layers = layers_to_host(candidate, moved, devices)) return layers;
  }
  return layers_to_host(candidate, run, devices);
}

}  // namespace weigh::core
