#include "src/memory/engines.h"

#include <algorithm>
#include <array>

#include "formats/checked.h"
#include "src/memory/cache.h"
#include "src/memory/compute.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kVllmBlock = 16;
constexpr std::uint64_t kScalesPerHead = 8;  // bytes of a token's two scales (..._per_token_head)
// Activations of the profiling run and captured graphs: 1 to 2 GiB, the upper end (docs/memory-rules.md 10.2).
constexpr std::uint64_t kVllmActivations = std::uint64_t{2} << 30;

// An FP8 row with a scale in F32 for each 128 values.
std::uint64_t scaled(std::uint64_t values) { return values + (values + 127) / 128 * 4; }

// vLLM keeps FP8 rows of a sparse latent attention with their scales and their rotated part in 16 bits
// ("fp8_ds_mla": 656 bytes of 512 + 64), and the indexer's keys in FP8 always. Layers that go by the choice of another
// have no keys (GLM-5.2), but rows of the same kind.
Bytes sparse_latent_bytes(const RunModel& model, const LayerModel& layer, const Run& run, const Cells& cells) {
  const bool fp8 = run.key_type == Dtype::F8_E4M3;
  const std::uint64_t row =
      fp8 ? scaled(model.kv_lora_rank) + 2 * model.rope_dimensions : 2 * layer.key_head * layer.kv_heads;
  return product({row + (layer.indexed ? scaled(model.indexer_key) : 0), cells.full, cells.streams});
}

// DeepSeek V4 in vLLM: rows of FP8 with a scale of one byte for each 64 values, one byte of padding and their rotated
// part in 16 bits, 584 bytes of 448 + 64, whatever type is asked for; in the window and in the compressed cells alike.
Bytes compressed_row_bytes(const RunModel& model, const LayerModel& layer, const Cells& cells) {
  constexpr std::uint64_t kFineRatio = 4;
  const std::uint64_t rotated = std::min(model.rope_dimensions, layer.key_head);
  const std::uint64_t plain = layer.key_head - rotated;
  const std::uint64_t row = plain + plain / 64 + 1 + 2 * rotated;
  Bytes sum = product({row, cells.window, cells.streams});
  if (layer.compress_ratio == 0) return sum;
  const std::uint64_t count = cells.full / layer.compress_ratio + (cells.full % layer.compress_ratio != 0 ? 1 : 0);
  const std::uint64_t key = layer.compress_ratio == kFineRatio ? scaled(model.indexer_key) : 0;
  return plus(sum, product({row + key, count, cells.streams}));
}

Bytes vllm_layer_bytes(const RunModel& model, const LayerModel& layer, const Run& run, const Cells& cells) {
  if (model.compresses()) return compressed_row_bytes(model, layer, cells);
  const bool sparse_latent = model.indexer_key != 0 && layer.mixer == Mixer::Latent;
  return sparse_latent ? sparse_latent_bytes(model, layer, run, cells) : layer_kv_bytes(model, layer, run, cells);
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

Bytes layer_bytes(const RunModel& model, const LayerModel& layer, const Run& run, const Cells& cells) {
  if (!layer.cached || layer.predicts) return 0;
  Run flash = run;
  flash.flash_attention = true;  // each layer has values of its own width
  if (run.engine != Engine::Vllm) return layer_kv_bytes(model, layer, flash, cells);
  const Bytes rows = vllm_layer_bytes(model, layer, flash, cells);
  return run.scale_per_head ? plus(rows, product({kScalesPerHead, layer.kv_heads, cells.full, cells.streams})) : rows;
}

// Tokens of each sequence.
std::uint64_t sequence_tokens(const RunModel& model, const Run& run) {
  const std::uint64_t tokens = (asked_context(model, run) + run.sequences - 1) / run.sequences;
  return run.engine == Engine::Vllm ? (tokens + kVllmBlock - 1) / kVllmBlock * kVllmBlock : tokens;
}

Bytes kv_bytes(const RunModel& model, const Run& run, std::uint64_t tokens) {
  const Cells cells = engine_cells(model, run, tokens);
  Bytes sum = 0;
  for (const LayerModel& layer : model.layers) sum = plus(sum, layer_bytes(model, layer, run, cells));
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
  const std::uint64_t tokens = sequence_tokens(model, run);
  counted.context = tokens * run.sequences;
  counted.need.kv_cache = kv_bytes(model, run, tokens);
  if (const auto caches = layer_caches(model, plain)) {
    counted.need.state = 0;
    for (const LayerCache& cache : *caches) counted.need.state = plus(counted.need.state, Bytes(cache.state));
  }
  counted.need.compute = compute_estimate(model, run);
  return counted;
}

std::optional<std::vector<std::uint64_t>> engine_layer_kv(const RunModel& model, const Run& run) {
  if (!engine_need(model, run).need.kv_cache) return std::nullopt;
  const Cells cells = engine_cells(model, run, sequence_tokens(model, run));
  std::vector<std::uint64_t> layers;
  for (const LayerModel& layer : model.layers) layers.push_back(layer_bytes(model, layer, run, cells).value_or(0));
  return layers;
}

}  // namespace weigh::core
