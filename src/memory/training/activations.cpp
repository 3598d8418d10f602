#include "src/memory/training/activations.h"

#include <algorithm>
#include <vector>

namespace weigh::core {

namespace {

constexpr std::uint64_t kHalf = 2;  // bytes of a value in 16 bits

std::uint64_t values(std::uint64_t count, std::uint64_t width) { return times(kHalf, times(count, width)); }

std::uint64_t sum(std::initializer_list<std::uint64_t> parts) {
  std::uint64_t result = 0;
  for (const std::uint64_t part : parts) result = plus(result, part);
  return result;
}

// A layer norm keeps its input in 16 bits; an RMS norm written out, as transformers has it, that in 32 bits and what it
// is scaled to.
std::uint64_t norm_bytes(std::uint64_t width, bool layer_norm) { return times(layer_norm ? kHalf : 4 + kHalf, width); }

// Latent attention: what the low ranks hold, before and behind their norms, and the heads that come of them.
std::uint64_t latent_bytes_per_token(const RunModel& model, const LayerModel& layer) {
  const std::uint64_t key = layer.latent.key_head != 0 ? layer.latent.key_head : layer.key_head;
  const std::uint64_t value = layer.latent.value_head != 0 ? layer.latent.value_head : layer.value_head;
  const std::uint64_t up = plus(minus(key, model.rope_dimensions), value);  // of one head, by the second product
  const std::uint64_t ranks = plus(model.q_lora_rank, layer.latent.rank);
  // Queries, the keys that are put together of two parts, and the result that goes into the output projection.
  return sum({values(1, model.embedding), norm_bytes(ranks, false), values(1, plus(ranks, model.rope_dimensions)),
              values(layer.heads, up), values(layer.heads, times(2, key)), values(layer.heads, value),
              model.embedding});
}

std::uint64_t norm_bytes_per_token(const RunModel& model, const LayerModel& layer, const BlockLayers* block) {
  const bool layer_norm = block != nullptr && block->layer_norms;
  std::uint64_t norms = 2;
  for (const LayerPart part : {kPostMixerNorm, kPostFfnNorm}) norms += (layer.parts & part) != 0 ? 1 : 0;
  std::uint64_t bytes = times(norms, norm_bytes(model.embedding, layer_norm));
  if ((layer.parts & (kHeadNorms | kFlatNorms)) != 0 && layer.mixer == Mixer::Attention) {
    bytes = plus(bytes, norm_bytes(times(plus(layer.heads, layer.kv_heads), layer.key_head), layer_norm));
  }
  return bytes;
}

// Gate, up and down are three matrices of hidden x width, up and down alone two.
bool is_gated(std::uint64_t parameters, std::uint64_t hidden, std::uint64_t width) {
  const std::uint64_t one = std::max<std::uint64_t>(times(hidden, width), 1);
  return parameters / one >= 3 || minus(parameters, times(2, one)) > one / 2;
}

// Where neither key nor shape gives the width, that of three matrices: two of as many weights keep less.
std::uint64_t dense_bytes_per_token(const RunModel& model, const LayerModel& layer, const BlockLayers* block) {
  if (block == nullptr) return layer.ffn == 0 ? 0 : ffn_bytes_per_token(model.embedding, layer.ffn, true);
  if (block->dense_ffn == 0) return 0;
  const std::uint64_t least = block->dense_ffn / 3 / std::max<std::uint64_t>(model.embedding, 1);
  const std::uint64_t shown = block->ffn_width != 0 ? block->ffn_width : least;
  const std::uint64_t width = layer.ffn != 0 && layer.experts == 0 ? layer.ffn : shown;
  return ffn_bytes_per_token(model.embedding, width, is_gated(block->dense_ffn, model.embedding, width));
}

bool attends(const LayerModel& layer) {
  return (layer.mixer == Mixer::Attention || layer.mixer == Mixer::Latent) && !layer.recurrent;
}

// What adapters add: the few values between their two matrices.
std::uint64_t adapter_bytes_per_token(const LayerModel* layer, const BlockLayers& block, std::uint64_t rank) {
  std::uint64_t routed = block.routed_matrices;
  if (layer != nullptr && layer->experts != 0) routed = scaled(routed, layer->experts_used, layer->experts);
  return values(plus(block.matrices, routed), rank);
}

struct LayerBytes {
  std::uint64_t per_token = 0;
  std::uint64_t matrix = 0;  // of one sequence's attention
};

const BlockLayers* block_of(const TrainedTensors& tensors, std::size_t layer) {
  const auto found = std::ranges::find_if(tensors.blocks, [&](const BlockLayers& block) {
    return block.stack == Stack::Main && static_cast<std::size_t>(block.layer) == layer;
  });
  return found == tensors.blocks.end() ? nullptr : &*found;
}

std::uint64_t with_adapters(std::uint64_t bytes, const TrainingSettings& settings, const LayerModel* layer,
                            const BlockLayers* block) {
  if (settings.recipe == Recipe::Full || block == nullptr) return bytes;
  return plus(bytes, adapter_bytes_per_token(layer, *block, settings.rank));
}

// Layer by layer by the model's shape; of an encoder with a decoder, whose layers differ, by their tensors.
std::optional<std::vector<LayerBytes>> layers_of(const RunModel& model, const TrainedTensors& tensors,
                                                 const TrainingSettings& settings, std::uint64_t tokens) {
  std::vector<LayerBytes> layers;
  const bool two_stacks =
      std::ranges::any_of(tensors.blocks, [](const BlockLayers& block) { return block.stack != Stack::Main; });
  const auto matrix = [&](const LayerModel& layer) {
    return settings.eager_attention && attends(layer) ? attention_matrix_bytes(layer, tokens) : 0;
  };
  if (two_stacks) {
    for (const BlockLayers& block : tensors.blocks) {
      if (block.routed != 0) return std::nullopt;
      const LayerModel& like = model.layers.front();
      const std::uint64_t attentions = block.stack == Stack::Decoder ? 2 : 1;  // to itself and to the encoder
      const std::uint64_t bytes =
          plus(block.all_sides, times(attentions + 1, norm_bytes(model.embedding, block.layer_norms)));
      layers.push_back({with_adapters(bytes, settings, nullptr, &block), times(attentions, matrix(like))});
    }
    return layers;
  }
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const LayerModel& layer = model.layers[i];
    if (layer.predicts) continue;
    const BlockLayers* block = block_of(tensors, i);
    const auto bytes = layer_bytes_per_token(model, layer, block);
    if (!bytes) return std::nullopt;
    layers.push_back({with_adapters(*bytes, settings, &layer, block), matrix(layer)});
  }
  return layers;
}

}  // namespace

std::uint64_t ffn_bytes_per_token(std::uint64_t hidden, std::uint64_t width, bool gated) {
  // Its input, what goes into the activation and comes out of it, of a gated one up and the product too; and a mask.
  return sum({values(1, hidden), values(gated ? 4 : 2, width), hidden});
}

std::uint64_t attention_bytes_per_token(const RunModel& model, const LayerModel& layer) {
  if (layer.mixer == Mixer::Latent) return latent_bytes_per_token(model, layer);
  const std::uint64_t value = layer.value_head != 0 ? layer.value_head : layer.key_head;
  const std::uint64_t gate = (layer.parts & (kQueryGate | kAttentionGate)) != 0 ? values(layer.heads, value) : 0;
  return sum({values(1, model.embedding), values(plus(layer.heads, layer.kv_heads), layer.key_head),
              values(layer.kv_heads, value), values(layer.heads, value), times(2, gate), model.embedding});
}

std::uint64_t expert_bytes_per_token(const RunModel& model, const LayerModel& layer) {
  const std::uint64_t width = layer.routed != 0 ? layer.routed : model.embedding;
  const std::uint64_t router = times(3, values(1, layer.experts));  // in 16 bits, and its soft max in 32
  const std::uint64_t each = sum({values(2, width), values(4, layer.expert_ffn), values(4, layer.chunk_ffn)});
  return sum({values(1, model.embedding), router, times(layer.experts_used, each), values(4, layer.shared_ffn)});
}

std::optional<std::uint64_t> layer_bytes_per_token(const RunModel& model, const LayerModel& layer,
                                                   const BlockLayers* block) {
  const bool attention = attends(layer);
  const bool routed = block == nullptr ? layer.experts != 0 : block->routed != 0;
  if (routed && layer.experts_used == 0) return std::nullopt;
  std::uint64_t bytes = norm_bytes_per_token(model, layer, block);
  if (attention && layer.heads != 0) bytes = plus(bytes, attention_bytes_per_token(model, layer));
  if (block != nullptr) bytes = plus(bytes, attention ? block->state_space_sides : block->mixer_sides);
  if (routed)
    return plus(bytes, plus(expert_bytes_per_token(model, layer),
                            block == nullptr ? 0 : dense_bytes_per_token(model, layer, block)));
  return plus(bytes, dense_bytes_per_token(model, layer, block));
}

std::uint64_t attention_matrix_bytes(const LayerModel& layer, std::uint64_t tokens) {
  return times(times(5, layer.heads), times(tokens, tokens));
}

Bytes activation_bytes(const RunModel& model, const TrainedTensors& tensors, const TrainingSettings& settings,
                       std::uint64_t tokens) {
  const auto layers = layers_of(model, tensors, settings, tokens);
  if (!layers) return std::nullopt;
  const std::uint64_t all_tokens = times(settings.sequences, tokens);
  // Outside of the layers: the last norm's input and the head's.
  const bool layer_norms = std::ranges::any_of(tensors.blocks, &BlockLayers::layer_norms);
  std::uint64_t bytes = times(plus(norm_bytes(model.embedding, layer_norms), values(1, model.embedding)), all_tokens);
  std::uint64_t again = 0;  // what is computed a second time, one layer at a time
  for (const LayerBytes& layer : *layers) {
    const std::uint64_t whole = times(layer.per_token, all_tokens);
    const std::uint64_t matrix = times(layer.matrix, settings.sequences);
    switch (settings.checkpointing) {
      case Checkpointing::None: bytes = plus(bytes, plus(whole, matrix)); break;
      case Checkpointing::Selective:
        bytes = plus(bytes, whole);
        again = std::max(again, matrix);
        break;
      case Checkpointing::Full:
        bytes = plus(bytes, times(values(1, model.embedding), all_tokens));
        again = std::max(again, plus(whole, matrix));
        break;
    }
  }
  return plus(bytes, again);
}

std::uint64_t logit_bytes(std::uint64_t vocabulary, std::uint64_t sequences, std::uint64_t tokens) {
  constexpr std::uint64_t kLogitAndGradient = 2 + 4;
  return times(times(sequences, tokens), times(vocabulary, 2 * kLogitAndGradient));
}

}  // namespace weigh::core
