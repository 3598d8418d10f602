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

// vLLM keeps FP8 rows of a sparse latent attention with their scales and their rotated part in 16 bits
// ("fp8_ds_mla": 656 bytes of 512 + 64), and the indexer's keys in FP8 always, both with a scale for each 128 values.
Bytes sparse_latent_bytes(const RunModel& model, const LayerModel& layer, const Run& run, const Cells& cells) {
  const auto scaled = [](std::uint64_t values) { return values + (values + 127) / 128 * 4; };
  const bool fp8 = run.key_type == Dtype::F8_E4M3;
  const std::uint64_t row =
      fp8 ? scaled(model.kv_lora_rank) + 2 * model.rope_dimensions : 2 * layer.key_head * layer.kv_heads;
  return product({row + scaled(model.indexer_key), cells.full, cells.streams});
}

// A sliding layer forgets what is behind its window; vLLM keeps whole blocks of both kinds in one pool and is counted
// with all tokens, but for the compressed caches, whose rest is of the whole context.
Cells engine_cells(const RunModel& model, const Run& run, std::uint64_t tokens) {
  const bool slides = model.window != 0 && (model.compresses() || run.engine != Engine::Vllm);
  return {.context = tokens * run.sequences,
          .streams = run.sequences,
          .full = tokens,
          .window = slides ? std::min(tokens, model.window) : tokens,
          .batch = run.micro_batch,
          .multiple = 1};
}

Bytes kv_bytes(const RunModel& model, const Run& run, std::uint64_t tokens) {
  Run flash = run;
  flash.flash_attention = true;  // each layer has values of its own width
  const Cells cells = engine_cells(model, run, tokens);
  Bytes sum = 0;
  for (const LayerModel& layer : model.layers) {
    if (!layer.cached || layer.predicts) continue;
    const bool sparse_latent = run.engine == Engine::Vllm && layer.indexed && layer.mixer == Mixer::Latent;
    sum = plus(sum, sparse_latent ? sparse_latent_bytes(model, layer, run, cells)
                                  : layer_kv_bytes(model, layer, flash, cells));
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
