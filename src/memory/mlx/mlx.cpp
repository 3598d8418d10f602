#include "src/memory/mlx/mlx.h"

#include <algorithm>

#include "src/memory/engines.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kStep = 256;          // tokens that a cache grows by
constexpr std::uint64_t kPrefill = 2048;      // tokens of a prompt that are read at a time
constexpr std::uint64_t kQuantized = 5000;    // tokens from which on a cache is quantized
constexpr std::uint64_t kWork = 800'000'000;  // bytes while so many tokens are read

std::uint64_t grown(std::uint64_t tokens) { return times(divided_up(tokens, kStep), kStep); }

}  // namespace

std::vector<Bytes> mlx_layer_kv(const RunModel& model, const Run& run) {
  const std::uint64_t tokens = sequence_tokens(model, run);
  std::vector<Bytes> layers = plain_layer_kv(model, run, grown(tokens));
  if (info(run.key_type).block_elements == 1 && info(run.value_type).block_elements == 1) return layers;
  Run plain = run;
  plain.key_type = plain.value_type = Dtype::F16;
  const auto before = plain_layer_kv(model, plain, grown(std::min(tokens, kQuantized)));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (layers[i] && before[i]) layers[i] = std::max(*layers[i], *before[i]);
  }
  return layers;
}

// While a cache grows, one layer's is there twice.
Bytes mlx_compute(const RunModel& model, const Run& run) {
  std::uint64_t largest = 0;
  for (const Bytes& layer : mlx_layer_kv(model, run)) largest = std::max(largest, layer.value_or(0));
  const std::uint64_t work = scaled(kWork, std::min(prompt_tokens(model, run), kPrefill), kPrefill);
  return plus(times(work, run.sequences), largest);
}

}  // namespace weigh::core
