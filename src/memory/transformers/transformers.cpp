#include "src/memory/transformers/transformers.h"

#include <algorithm>

#include "src/memory/engines.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kValue = 2;  // bytes of an activation
constexpr std::uint64_t kFloat = 4;

std::uint64_t sum_of(const std::vector<Bytes>& layers) {
  std::uint64_t sum = 0;
  for (const Bytes& layer : layers) sum = plus(sum, layer.value_or(0));
  return sum;
}

// A prompt is not cut: the feed-forward part of one layer holds all of its tokens at once.
std::uint64_t activations(const RunModel& model, std::uint64_t tokens) {
  return times(times(tokens, kValue), plus(times(3, model.widest_ffn()), times(4, model.embedding)));
}

// Eager attention has the scores of one layer in 16 bits, and their soft max in 32.
std::uint64_t eager_scores(const RunModel& model, const Run& run, std::uint64_t tokens) {
  if (!run.eager_attention) return 0;
  std::uint64_t heads = 0;
  for (const LayerModel& layer : model.layers) heads = std::max(heads, layer.heads);
  return times(times(heads, times(tokens, tokens)), kValue + kFloat);
}

// One token's activations and logits; and a cache grows by copying, one layer after the other.
std::uint64_t while_generating(const RunModel& model, const Run& run, const std::vector<Bytes>& caches) {
  std::uint64_t largest = 0;
  for (const Bytes& layer : caches) largest = std::max(largest, layer.value_or(0));
  const std::uint64_t logits = times(model.vocab, kValue + kFloat);
  return plus(times(plus(activations(model, 1), logits), run.sequences), largest);
}

}  // namespace

std::vector<Bytes> transformers_layer_kv(const RunModel& model, const Run& run) {
  return plain_layer_kv(model, run, sequence_tokens(model, run));
}

Bytes transformers_compute(const RunModel& model, const Run& run) {
  const std::uint64_t prompt = prompt_tokens(model, run);
  const auto all = transformers_layer_kv(model, run);
  const std::uint64_t later = minus(sum_of(all), sum_of(plain_layer_kv(model, run, prompt)));
  const std::uint64_t reading =
      times(plus(activations(model, prompt), eager_scores(model, run, prompt)), run.sequences);
  return std::max(minus(reading, later), while_generating(model, run, all));
}

}  // namespace weigh::core
