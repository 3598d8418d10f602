#include <algorithm>
#include <string_view>

#include "formats/checked.h"
#include "src/memory/serving.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
  return times(divided_up(value, multiple), multiple);
}

// Blocks of multi-token prediction, unless something drafts with them; tables that are computed; and the stored copy of
// a tied head.
bool is_left_out(const TensorFacts& facts, const Model& source, const RunModel& model) {
  const bool after_last = facts.stack == Stack::Main && facts.layer >= static_cast<std::int32_t>(model.layers.size());
  const bool predicts = facts.prediction || facts.stack == Stack::Prediction || after_last;
  if (predicts && model.prediction == PredictionUse::LeftOut) return true;
  const bool head = facts.role == Role::OutputHead;
  return facts.role == Role::Buffer || (head && source.architecture.tied_embeddings.value_or(false));
}

// The down projections of latent attention and all of an indexer, which have no heads to divide.
bool is_down_projection(const TensorFacts& facts) {
  const std::string_view name = facts.tensor->name;
  const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
  if (facts.role == Role::AttentionMla || facts.role == Role::Overhead) {
    return has("q_a_proj") || has("kv_a_proj") || has(".wq_a") || has(".wkv_a");
  }
  return facts.role == Role::AttentionOther && has("indexer");
}

// Among how many cards a tensor is divided.
std::uint64_t parts_of(const TensorFacts& facts, const RunModel& model, std::uint64_t cards) {
  switch (facts.role) {
    case Role::Norm:
    case Role::Router:
    case Role::OtherEmbedding:
    case Role::Residual:
    case Role::Vision:
    case Role::Audio:
    case Role::Projector: return 1;
    case Role::AttentionK:
    case Role::AttentionV: {
      const auto layer = static_cast<std::size_t>(std::max(facts.layer, 0));
      const std::uint64_t heads = layer < model.layers.size() ? model.layers[layer].kv_heads : 0;
      return heads == 0 ? cards : std::min(cards, heads);
    }
    default: return is_down_projection(facts) ? 1 : cards;
  }
}

// The vocabulary is padded to whole parts of 64 rows.
std::uint64_t with_padded_rows(std::uint64_t bytes, std::uint64_t vocab) {
  return vocab == 0 ? bytes : scaled(bytes, round_up(vocab, 64), vocab);
}

// Kernels for MXFP4 take experts of a width that is a multiple of 256; those for cards without such numbers also pad the
// inner width to a multiple of 128.
std::uint64_t with_padded_experts(std::uint64_t bytes, const RunModel& model, const ServedCard& card) {
  if (model.embedding != 0) bytes = scaled(bytes, round_up(model.embedding, 256), model.embedding);
  std::uint64_t inner = 0;
  for (const LayerModel& layer : model.layers) inner = std::max(inner, layer.expert_ffn);
  return card.native_mxfp4 || inner == 0 ? bytes : scaled(bytes, round_up(inner, 128), inner);
}

std::uint64_t bytes_on_card(const TensorFacts& facts, const Model& source, const RunModel& model, const Shards& shards,
                            const ServedCard& card) {
  std::uint64_t bytes = facts.tensor->bytes;
  const bool table = facts.role == Role::TokenEmbedding || facts.role == Role::OutputHead;
  if (table) bytes = with_padded_rows(bytes, model.vocab);
  const bool mxfp4 = source.quantization && source.quantization->scheme == "mxfp4";
  if (mxfp4 && facts.routed_expert && facts.tensor->dtype == Dtype::U8) bytes = with_padded_experts(bytes, model, card);
  return divided_up(bytes, parts_of(facts, model, shards.tensor));
}

// The cosines and sines of every position, in 16 bits: one table for layers that turn alike.
std::uint64_t rotary_tables(const RunModel& model) {
  constexpr std::uint64_t kValue = 2;
  std::uint64_t full = 0;
  std::uint64_t sliding = 0;
  for (const LayerModel& layer : model.layers) {
    if (!layer.cached || layer.recurrent) continue;
    const std::uint64_t turned =
        model.rope_dimensions == 0 ? layer.key_head : std::min(model.rope_dimensions, layer.key_head);
    std::uint64_t& widest = layer.sliding ? sliding : full;
    widest = std::max(widest, turned);
  }
  return times(times(model.trained_context.value_or(0), plus(full, sliding)), kValue);
}

// The stage with a tensor: the first has what stands before the blocks, the last the rest.
std::size_t stage_of(const TensorFacts& facts, const std::vector<std::uint64_t>& stages) {
  if (facts.stack != Stack::Main && facts.stack != Stack::Decoder) return facts.layer >= 0 ? 0 : stages.size() - 1;
  auto layer = static_cast<std::uint64_t>(std::max(facts.layer, 0));
  std::size_t stage = 0;
  for (; stage + 1 < stages.size() && layer >= stages[stage]; ++stage) layer -= stages[stage];
  return stage;
}

}  // namespace

std::vector<std::uint64_t> served_weights(const Model& source, const RunModel& model, const Shards& shards,
                                          const ServedCard& card) {
  const auto stages = layers_of_stages(model.layers.size(), shards.pipeline);
  std::vector<std::uint64_t> bytes(stages.size(), rotary_tables(model));
  for (const TensorFacts& facts : source.tensors) {
    if (is_left_out(facts, source, model)) continue;
    const std::uint64_t here = bytes_on_card(facts, source, model, shards, card);
    // A tied head is the embedding once more, with the last stage.
    const bool embedding = facts.role == Role::TokenEmbedding;
    const bool twice = embedding && stages.size() > 1 && source.architecture.tied_embeddings.value_or(false);
    std::uint64_t& stage = embedding ? bytes.front() : bytes[stage_of(facts, stages)];
    stage = plus(stage, here);
    if (twice) bytes.back() = plus(bytes.back(), here);
  }
  return bytes;
}

}  // namespace weigh::core
