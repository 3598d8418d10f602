#include "src/memory/vllm/working_memory.h"

#include <algorithm>

#include "formats/checked.h"

namespace weigh::core {

namespace {

std::uint64_t forward(const RunModel& model, const VllmStart& start) {
  const std::uint64_t values = times(3, plus(divided_up(model.widest_ffn(), start.shards.tensor), model.embedding));
  return times(times(start.batched_tokens, 2), values);
}

std::uint64_t sampler(const RunModel& model, const VllmStart& start) {
  constexpr std::uint64_t kBytesOfLogit = 39;
  const std::uint64_t rows = std::min(start.max_sequences, start.batched_tokens);
  return times(times(kBytesOfLogit, rows), model.vocab);
}

bool has_many_kernels(const RunModel& model) {
  return std::ranges::any_of(model.layers,
                             [](const LayerModel& layer) { return layer.experts != 0 || layer.recurrent; });
}

}  // namespace

std::uint64_t vllm_activation(const RunModel& model, const VllmStart& start) {
  return std::max(forward(model, start), sampler(model, start));
}

std::uint64_t vllm_outside(const VllmStart& start) {
  constexpr std::uint64_t kBeforeV1 = hundredths(35);  // the driver's context was counted as well
  const std::uint64_t outside = outside_of_tensors(start.shards.cards());
  return has_groups(start.version) ? outside : std::max(outside, kBeforeV1);
}

std::uint64_t vllm_graphs(const RunModel& model, const VllmStart& start) {
  if (!start.graphs) return 0;
  return hundredths(has_many_kernels(model) ? 100 : 50);
}

}  // namespace weigh::core
