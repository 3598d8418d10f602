#include "src/memory/vllm/vllm.h"

#include <algorithm>

#include "src/memory/cache.h"
#include "src/memory/engines.h"

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

}  // namespace

std::uint64_t vllm_sequence_tokens(const RunModel& model, const Run& run) {
  return (sequence_tokens(model, run) + kVllmBlock - 1) / kVllmBlock * kVllmBlock;
}

std::vector<Bytes> vllm_layer_kv(const RunModel& model, const Run& run) {
  const std::uint64_t tokens = vllm_sequence_tokens(model, run);
  const Cells cells = {.context = tokens * run.sequences,
                       .streams = run.sequences,
                       .full = tokens,
                       .window = model.compresses() ? std::min(tokens, model.window) : tokens,
                       .batch = run.micro_batch,
                       .multiple = 1};
  Run flash = run;
  flash.flash_attention = true;  // each layer has values of its own width
  std::vector<Bytes> layers;
  for (const LayerModel& layer : model.layers) {
    const bool cached = layer.cached && !layer.predicts;
    Bytes rows = cached ? vllm_layer_bytes(model, layer, flash, cells) : 0;
    if (cached && run.scale_per_head) {
      rows = plus(rows, product({kScalesPerHead, layer.kv_heads, cells.full, cells.streams}));
    }
    layers.push_back(rows);
  }
  return layers;
}

Bytes vllm_compute(const RunModel&, const Run&) { return kVllmActivations; }

}  // namespace weigh::core
