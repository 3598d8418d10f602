#include "src/memory/serving.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "formats/checked.h"
#include "src/memory/cache.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kScalesPerHead = 8;  // bytes of a token's two scales (..._per_token_head)

// A row in FP8 with a scale in F32 for each 128 values.
std::uint64_t scaled_row_bytes(std::uint64_t values) { return values + divided_up(values, 128) * 4; }

// FP8 rows of a sparse latent attention have their scales and their rotated part in 16 bits ("fp8_ds_mla": 656 bytes of
// 512 + 64), and the indexer's keys are in FP8 always. Layers that go by the choice of another have no keys (GLM-5.2).
std::uint64_t sparse_latent_row(const RunModel& model, const LayerModel& layer, const Run& run) {
  const bool fp8 = run.key_type == Dtype::F8_E4M3;
  const std::uint64_t row =
      fp8 ? scaled_row_bytes(model.kv_lora_rank) + 2 * model.rope_dimensions : 2 * layer.key_head * layer.kv_heads;
  return row + (layer.indexed ? scaled_row_bytes(model.indexer_key) : 0);
}

bool divides_heads(const RunModel& model, std::uint64_t cards) {
  return std::ranges::all_of(model.layers, [&](const LayerModel& layer) { return layer.heads % cards == 0; });
}

}  // namespace

Shards shards_of(const RunModel& model, const ServingSettings& asked, std::uint64_t cards) {
  Shards shards;
  shards.pipeline = std::max<std::uint64_t>(asked.pipeline_parallel.value_or(1), 1);
  const std::uint64_t share = std::max<std::uint64_t>(cards / shards.pipeline, 1);
  if (asked.tensor_parallel) {
    shards.tensor = std::max<std::uint64_t>(*asked.tensor_parallel, 1);
  } else if (asked.pipeline_parallel || divides_heads(model, share)) {
    shards.tensor = share;
  } else {
    shards.pipeline = cards;
  }
  return shards;
}

std::vector<std::uint64_t> layers_of_stages(std::uint64_t layers, std::uint64_t stages) {
  std::vector<std::uint64_t> counts(stages, layers / stages);
  const std::uint64_t rest = layers % stages;
  for (std::uint64_t i = 0; i < rest; ++i) ++counts[stages - 2 - i];
  return counts;
}

Bytes cached_token_bytes(const RunModel& model, const LayerModel& layer, const Run& run,
                         std::uint64_t tensor_parallel) {
  const bool latent = layer.mixer == Mixer::Latent;
  if (latent && model.indexer_key != 0) return sparse_latent_row(model, layer, run);
  LayerModel part = layer;
  // A compressed row is whole on every card, and so is a head where there are fewer heads than cards.
  if (!latent || (layer.parts & kAbsorbed) == 0) part.kv_heads = divided_up(layer.kv_heads, tensor_parallel);
  Run flash = run;
  flash.flash_attention = true;  // each layer has values of its own width
  const Cells one{.context = 1, .streams = 1, .full = 1, .window = 1, .batch = 1, .multiple = 1};
  const Bytes row = layer_kv_bytes(model, part, flash, one);
  return run.scale_per_head ? plus(row, Bytes(times(kScalesPerHead, part.kv_heads))) : row;
}

Bytes cached_state_bytes(const RunModel& model, const LayerModel& layer, std::uint64_t tensor_parallel) {
  constexpr std::uint64_t kModelType = 2;  // bytes of a value in the model's own type, which the convolution's part has
  const Bytes whole = layer_state_bytes(model, layer, kModelType);
  return whole ? Bytes(divided_up(*whole, tensor_parallel)) : std::nullopt;
}

// Rows of FP8 with a scale of one byte for each 64 values, one byte of padding and their rotated part in 16 bits, 584
// bytes of 448 + 64, whatever type is asked for.
CompressedRow compressed_row(const RunModel& model, const LayerModel& layer) {
  constexpr std::uint64_t kFineRatio = 4;
  const std::uint64_t rotated = std::min(model.rope_dimensions, layer.key_head);
  const std::uint64_t plain = layer.key_head - rotated;
  return {.row = plain + plain / 64 + 1 + 2 * rotated,
          .key = layer.compress_ratio == kFineRatio ? scaled_row_bytes(model.indexer_key) : 0};
}

bool keeps_tokens(const LayerModel& layer) { return layer.cached && !layer.predicts && layer.key_head != 0; }
bool keeps_state(const LayerModel& layer) { return layer.recurrent && !layer.predicts; }

std::uint64_t outside_of_tensors(std::uint64_t cards) { return hundredths(cards >= 4 ? 95 : cards >= 2 ? 55 : 14); }

std::int64_t signed_difference(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  const auto distance = static_cast<std::int64_t>(std::min(apart(a, b), kMost));
  return a >= b ? distance : -distance;
}

std::string gib_text(std::int64_t bytes) {
  return fmt::format("{:.2f} GiB", static_cast<double>(bytes) / static_cast<double>(std::uint64_t{1} << 30));
}

}  // namespace weigh::core
