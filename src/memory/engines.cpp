#include "src/memory/engines.h"

#include <algorithm>
#include <array>

#include "formats/checked.h"
#include "src/memory/cache.h"
#include "src/memory/compute.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kVllmBlock = 16;
// Activations of the profiling run and captured graphs: 1 to 2 GiB, the upper end (docs/memory-rules.md 10.2).
constexpr std::uint64_t kVllmActivations = std::uint64_t{2} << 30;

// K and V of one token in one layer. With latent attention all of them store the compressed row.
Bytes token_bytes(const LayerModel& layer, const Run& run) {
  const auto row = [](Dtype type, std::uint64_t values) {
    return tensor_bytes(type, std::array<std::uint64_t, 1>{values});
  };
  const Bytes key = row(run.key_type, layer.kv_heads * layer.key_head);
  const Bytes value = row(run.value_type, layer.kv_heads * layer.value_head);
  return plus(key, value);
}

// A sliding layer forgets what is behind its window; vLLM keeps whole blocks of both kinds in one pool and is counted
// with all tokens.
std::uint64_t kept_tokens(const RunModel& model, const LayerModel& layer, const Run& run, std::uint64_t tokens) {
  const bool slides = layer.sliding && model.window != 0 && run.engine != Engine::Vllm;
  return slides ? std::min(tokens, model.window) : tokens;
}

Bytes kv_bytes(const RunModel& model, const Run& run, std::uint64_t tokens) {
  Bytes sum = 0;
  for (const LayerModel& layer : model.layers) {
    if (!layer.cached || layer.predicts) continue;
    const Bytes kept = product({kept_tokens(model, layer, run, tokens), run.sequences});
    sum = plus(sum, times(token_bytes(layer, run), kept));
  }
  return sum;
}

Bytes compute_estimate(const RunModel& model, const Run& run) {
  if (run.engine == Engine::Vllm) return kVllmActivations;
  // The layers' tensors are those of llama.cpp's graph; nobody lays them out as tightly.
  const Bytes graph = whole_compute_bytes(model, run);
  return graph ? plus(graph, Bytes(*graph / 2)) : std::nullopt;
}

}  // namespace

ContextNeed engine_need(const RunModel& model, const Run& run) {
  ContextNeed counted;
  counted.need.logits = 0;
  Run plain = run;
  plain.key_type = plain.value_type = Dtype::F16;
  const auto cells = count_cells(model, plain);
  if (!cells) return counted;
  std::uint64_t tokens = (asked_context(model, run) + run.sequences - 1) / run.sequences;
  if (run.engine == Engine::Vllm) tokens = (tokens + kVllmBlock - 1) / kVllmBlock * kVllmBlock;
  counted.context = tokens * run.sequences;
  counted.need.kv_cache = kv_bytes(model, run, tokens);
  if (const auto caches = layer_caches(model, plain)) {
    counted.need.state = 0;
    for (const LayerCache& cache : *caches) counted.need.state = plus(counted.need.state, Bytes(cache.state));
  }
  counted.need.compute = compute_estimate(model, run);
  return counted;
}

}  // namespace weigh::core
