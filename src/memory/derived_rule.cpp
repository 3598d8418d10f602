#include "src/memory/derived_rule.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include "src/memory/name_in_block.h"

namespace weigh::core {

namespace {

// What a tensor shows of its layer or of its model.
enum Evidence : std::uint32_t {
  kKeys = 1U << 0,           // makes keys, or the row that they are made of
  kState = 1U << 1,          // of something that keeps a state
  kStateSpace = 1U << 2,     // Mamba's input, which may lie beside attention
  kConvolution = 1U << 3,    // a short convolution
  kKimi = 1U << 4,           // Kimi's delta attention, with a convolution for each of queries, keys and values
  kTimeMix = 1U << 5,        // RWKV
  kTimeMix7 = 1U << 6,       // of its seventh version
  kChannelMix = 1U << 7,     // RWKV's own feed-forward part
  kLayerTable = 1U << 8,     // embeddings for each layer
  kStreams = 1U << 9,        // Gemma 3n's streams
  kPositions = 1U << 10,     // learned positions
  kEncoder = 1U << 11,       // what stands at the ends of encoders
  kOutput = 1U << 12,        // a matrix for logits
  kScaledLayers = 1U << 13,  // a factor for each layer's result
};

struct EvidenceRow {
  std::string_view name;  // how it begins, behind "blk.N." in blocks
  bool in_block;
  std::uint32_t shows;
};

constexpr auto kEvidence = std::to_array<EvidenceRow>({
    {"attn_k.", true, kKeys},
    {"attn_k_b.", true, kKeys},
    {"attn_kv_a_mqa.", true, kKeys},
    {"attn_kv_b.", true, kKeys},
    {"attn_qkv.", true, kKeys},
    {"channel_mix_", true, kChannelMix},
    {"layer_output_scale.", true, kScaledLayers},
    {"shortconv.", true, kState | kConvolution},
    {"ssm_", true, kState},
    {"ssm_in.", true, kStateSpace},
    {"ssm_conv1d_q", true, kKimi},
    {"ssm_q_conv", true, kKimi},
    {"time_mix_", true, kState | kTimeMix},
    {"time_mix_a1.", true, kTimeMix7},
    {"altup_proj.", false, kStreams},
    {"enc.output_norm.", false, kEncoder},
    {"output.", false, kOutput},
    {"per_layer_token_embd.", false, kLayerTable},
    {"position_embd.", false, kPositions},
    {"token_embd_norm.", false, kEncoder},
    {"token_types.", false, kEncoder},
});

std::uint32_t evidence_of(const TensorFacts& facts) {
  if (facts.routed_expert) return 0;  // most of a large model, and in no row
  const std::string_view name = facts.tensor->name;
  const std::string_view rest = name_in_block(name);
  std::uint32_t shown = 0;
  for (const EvidenceRow& row : kEvidence) {
    if (row.in_block == !rest.empty() && (row.in_block ? rest : name).starts_with(row.name)) shown |= row.shows;
  }
  return shown;
}

// Of all tensors together.
std::uint32_t evidence(const Model& source) {
  std::uint32_t shown = 0;
  for (const TensorFacts& facts : source.tensors) shown |= evidence_of(facts);
  return shown;
}

// A state space beside the attention, in the same layer (Falcon-H1).
bool side_by_side(const Model& source) {
  std::vector<std::uint32_t> layers;
  for (const TensorFacts& facts : source.tensors) {
    if (facts.layer < 0) continue;
    const auto layer = static_cast<std::size_t>(facts.layer);
    if (layer >= layers.size()) layers.resize(layer + 1);
    layers[layer] |= evidence_of(facts);
  }
  constexpr std::uint32_t kBoth = kKeys | kStateSpace;
  return std::ranges::any_of(layers, [](std::uint32_t shown) { return (shown & kBoth) == kBoth; });
}

StateRule state_of(const Hyperparameters& keys, std::uint32_t shown) {
  if ((shown & kTimeMix) != 0) return StateRule::Rwkv;
  if ((shown & kConvolution) != 0 || keys.number_or("shortconv.l_cache", 0) != 0) return StateRule::ShortConvolution;
  if ((shown & kKimi) != 0 || keys.number_or("kda.head_dim", 0) != 0) return StateRule::KimiDelta;
  return StateRule::Ssm;
}

GraphRecipe recipe_of(const Hyperparameters& keys, StateRule state, std::uint32_t shown) {
  if ((shown & kTimeMix) != 0) {
    const bool own_ffn = (shown & kChannelMix) != 0;
    if ((shown & kTimeMix7) != 0) return own_ffn ? GraphRecipe::Rwkv7 : GraphRecipe::Arwkv7;
    return own_ffn ? GraphRecipe::Rwkv6 : GraphRecipe::Rwkv6Qwen2;
  }
  if (state == StateRule::KimiDelta) return GraphRecipe::KimiDelta;
  const bool indexed = keys.number_or("attention.indexer.key_length", 0) != 0;
  if (indexed && keys.number_or("attention.kv_lora_rank", 0) != 0) return GraphRecipe::SparseLatent;
  if (keys.number_or("n_deepstack_layers", 0) != 0) return GraphRecipe::Qwen3Vl;
  if ((shown & kStreams) != 0) return GraphRecipe::Gemma3n;
  const bool two_heads = keys.number("attention.key_length_swa").has_value();
  const bool as_gemma4 = (shown & kLayerTable) != 0 || (two_heads && (shown & kScaledLayers) != 0);
  return as_gemma4 ? GraphRecipe::Gemma4 : GraphRecipe::Plain;
}

// A window without a word on which layers have it may be one that the engine does not heed: then nothing slides.
WindowRule window_of(const Hyperparameters& keys) {
  const auto pattern = keys.numbers("attention.sliding_window_pattern");
  if (keys.number_or("attention.sliding_window", 0) == 0) return WindowRule::None;
  // Of a period the first layer is taken for the one that sees everything: of both ways the one with more of them.
  if (pattern.size() == 1) return WindowRule::DenseFirst;
  return pattern.empty() && keys.sliding_layers().empty() ? WindowRule::None : WindowRule::Array;
}

bool sees_both_ways(const Hyperparameters& keys) { return keys.flag("attention.causal") == false; }

// Encoders and diffusion models have no cache. What a language model becomes when it is to make embeddings has no matrix
// for logits, and one may keep its cache.
MemoryKind kept_by_attention(const Hyperparameters& keys, std::uint32_t shown) {
  const bool none = sees_both_ways(keys) && (shown & (kEncoder | kOutput)) != 0;
  return none ? MemoryKind::None : MemoryKind::Attention;
}

std::uint64_t options_of(const Hyperparameters& keys, std::uint32_t shown) {
  std::uint64_t options = 0;
  const auto when = [&](bool condition, std::uint64_t option) { options |= condition ? option : 0; };
  when(keys.real("attention.layer_norm_epsilon").has_value(), kLayerNorm);
  when((shown & kPositions) != 0, kPositionTable | kNoRope);
  when(keys.number("nextn_predict_layers").value_or(0) != 0, kRowsAfterNorm);
  // Without a causal mask a batch is all that there is to see.
  when(sees_both_ways(keys), kBatchAlone);
  when(sees_both_ways(keys) && (shown & kEncoder) != 0 && (shown & kOutput) == 0, kNoLogits);
  return options;
}

// Layers that keep a state: all of them, some, or all beside their attention.
void set_state(const Model& source, const Hyperparameters& keys, const std::vector<LayerType>& types,
               std::uint32_t shown, ArchitectureRule& rule) {
  const bool both = side_by_side(source);
  const bool every = both || std::ranges::count(types, LayerType::Recurrent) == std::ssize(types);
  rule.memory = every && !both ? MemoryKind::Recurrent : MemoryKind::Hybrid;
  rule.recurrent = every ? RecurrentRule::Every : RecurrentRule::NoKvHeads;
  rule.state = state_of(keys, shown);
  // Hybrids without a filter of their own cache the blocks that predict (docs/memory-rules.md 3.1).
  if (rule.memory == MemoryKind::Hybrid) rule.prediction = PredictionRule::Cached;
}

}  // namespace

std::vector<LayerType> shown_layer_types(const Model& source, std::size_t layers) {
  std::vector<std::uint32_t> shown(layers);
  for (const TensorFacts& facts : source.tensors) {
    const auto layer = static_cast<std::size_t>(facts.layer);  // -1, outside of blocks, is none of them
    if (layer < layers) shown[layer] |= evidence_of(facts);
  }
  if (std::ranges::none_of(shown, [](std::uint32_t layer) { return (layer & kState) != 0; })) return {};
  std::vector<LayerType> types;
  for (const std::uint32_t layer : shown) {
    const bool attends = (layer & kKeys) != 0;
    types.push_back((layer & kState) != 0 ? LayerType::Recurrent
                    : attends             ? LayerType::Attention
                                          : LayerType::FeedForward);
  }
  return types;
}

ArchitectureRule derived_rule(const Model& source, const Hyperparameters& keys, const std::vector<LayerType>& types) {
  const std::uint32_t shown = evidence(source);
  ArchitectureRule rule{.name = {},
                        .memory = kept_by_attention(keys, shown),
                        .window = window_of(keys),
                        .window_period = 0,
                        .window_default = 0,
                        .recurrent = RecurrentRule::None,
                        .state = StateRule::None,
                        .prediction = PredictionRule::None,
                        .indexer = IndexerRule::None,
                        .graph = GraphRule::Estimated,
                        .recipe = GraphRecipe::Plain,
                        .options = options_of(keys, shown),
                        .classes = {}};
  if (keys.number_or("attention.indexer.key_length", 0) != 0) rule.indexer = IndexerRule::Marked;
  if (std::ranges::count(types, LayerType::Recurrent) != 0) set_state(source, keys, types, shown, rule);
  rule.recipe = recipe_of(keys, rule.state, shown);
  if (rule.recipe == GraphRecipe::Gemma3n || rule.recipe == GraphRecipe::Gemma4) rule.options |= kOutputCopied;
  return rule;
}

}  // namespace weigh::core
