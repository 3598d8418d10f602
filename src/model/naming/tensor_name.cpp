#include "src/model/naming/tensor_name.h"

#include <algorithm>
#include <array>
#include <optional>

#include "formats/text.h"

namespace weigh::core {

namespace {

using std::string_view_literals::operator""sv;

// The word before a block number.
constexpr auto kBlockWords = std::to_array<std::string_view>({
    "blk",
    "layers",
    "h",
    "layer",
    "blocks",
    "block",
    "decoder_layer",
    "resblocks",
    "mtp_block",
    "mtp_layers",
    "transformer_blocks",
    "single_transformer_blocks",
    "double_blocks",
    "single_blocks",
    "joint_blocks",
    "down_blocks",
    "up_blocks",
    "input_blocks",
    "output_blocks",
});

// Path parts before the block word that say which series it belongs to. The first row that matches any part wins, so
// that a vision tower's "encoder.layers" stays vision.
struct StackWord {
  std::string_view word;
  Stack stack;
  bool first = false;  // only as the first of several parts: short words mean other things elsewhere
};
constexpr auto kStackWords = std::to_array<StackWord>({
    {"mtp", Stack::Prediction},
    {"mtp_block", Stack::Prediction},
    {"mtp_layers", Stack::Prediction},
    {"mm", Stack::Projector, true},
    {"mlp1", Stack::Projector, true},
    {"resampler", Stack::Projector},
    {"multi_modal_projector", Stack::Projector},
    {"multimodal_projector", Stack::Projector},
    {"mm_projector", Stack::Projector},
    {"vision_projector", Stack::Projector},
    {"vision_language_adapter", Stack::Projector},
    {"audio_projector", Stack::Projector},
    {"language_projection", Stack::Projector},
    {"img_projection", Stack::Projector},
    {"connector", Stack::Projector},
    {"aligner", Stack::Projector},
    {"qformer", Stack::Projector},
    {"query_tokens", Stack::Projector},
    {"image_newline", Stack::Projector},
    {"embed_vision", Stack::Projector},
    {"embed_audio", Stack::Projector},
    {"v", Stack::Vision, true},
    {"vit", Stack::Vision, true},
    {"vision", Stack::Vision},
    {"visual", Stack::Vision},
    {"vision_tower", Stack::Vision},
    {"vision_model", Stack::Vision},
    {"vision_encoder", Stack::Vision},
    {"vision_backbone", Stack::Vision},
    {"vision_embed_tokens", Stack::Vision},
    {"image_encoder", Stack::Vision},
    {"img_processor", Stack::Vision},
    {"vpm", Stack::Vision},
    {"a", Stack::Audio, true},
    {"audio_tower", Stack::Audio},
    {"audio_encoder", Stack::Audio},
    {"audio_model", Stack::Audio},
    {"speech_encoder", Stack::Audio},
    {"sound_encoder", Stack::Audio},
    {"apm", Stack::Audio},
    {"dec", Stack::Decoder, true},
    {"decoder", Stack::Decoder},
    {"enc", Stack::Encoder, true},
    {"encoder", Stack::Encoder},
});

template <std::size_t N>
bool is_one_of(std::string_view part, const std::array<std::string_view, N>& words) {
  return std::ranges::find(words, part) != words.end();
}

// Takes the next part off a dotted path.
std::string_view take_part(std::string_view& path) {
  const std::size_t dot = path.find('.');
  const std::string_view part = path.substr(0, dot);
  path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
  return part;
}

constexpr auto kSharedParts = std::to_array<std::string_view>({
    "shared_experts",
    "shared_expert",
    "shared_expert_gate",
    "shared_mlp",
    "share_expert",
    "share_experts",
});
constexpr auto kRoutedParts = std::to_array<std::string_view>({"experts", "switch_mlp", "chunk_experts"});
constexpr auto kStackedMoe = std::to_array<std::string_view>({"gate_proj", "up_proj", "down_proj"});
constexpr auto kStackedSparseMoe = std::to_array<std::string_view>({"input_linear", "output_linear"});
constexpr auto kStackedGptOss =
    std::to_array<std::string_view>({"mlp1_weight", "mlp2_weight", "mlp1_bias", "mlp2_bias"});
constexpr auto kLegacyFfn = std::to_array<std::string_view>({"ffn_gate", "ffn_up", "ffn_down"});
constexpr auto kSelection = std::to_array<std::string_view>({
    "e_score_correction_bias",
    "e_score_correction",
    "expert_bias",
});
constexpr auto kRouterParts = std::to_array<std::string_view>({"gate", "router", "primary_router", "ffn_gate_inp"});
constexpr auto kRouterInner = std::to_array<std::string_view>({"layer", "proj", "classifier", "gate", "wg"});

// Whether the parts end like a router's weight: "gate.weight", "router.layer.weight", "gate.wg.weight", "router".
bool is_router(std::string_view before, std::string_view parent, std::string_view last) {
  if (is_one_of(last, kRouterParts)) return last != "gate";
  if (last != "weight") return false;
  return is_one_of(parent, kRouterParts) || (is_one_of(parent, kRouterInner) && is_one_of(before, kRouterParts));
}

// What a part of the path and the part after it say; None where they say nothing.
ExpertName routed_at(std::string_view part, std::string_view next) {
  if (is_one_of(part, kRoutedParts)) {
    const bool chunk = part == "chunk_experts";
    if (const auto index = expert_number(next)) return {.part = ExpertPart::Indexed, .chunk = chunk, .index = *index};
    return {ExpertPart::Stacked, chunk};
  }
  if (part == "moe") {
    if (const auto index = parse_uint(next)) return {.part = ExpertPart::Indexed, .index = *index};
    if (is_one_of(next, kStackedMoe)) return {ExpertPart::Stacked};
  }
  if (part == "block_sparse_moe" && is_one_of(next, kStackedSparseMoe)) return {ExpertPart::Stacked};
  if (part == "mlp" && is_one_of(next, kStackedGptOss)) return {ExpertPart::Stacked};
  // Arctic's ffn_norm_exps is the norm before the experts, one vector for all.
  if (part.ends_with("_exps") && part != "ffn_norm_exps") return {ExpertPart::Stacked};
  if (part.ends_with("_chexps")) return {ExpertPart::Stacked, true};
  if (is_one_of(part, kLegacyFfn)) {
    if (const auto index = parse_uint(next)) return {.part = ExpertPart::Indexed, .index = *index};
  }
  return {};
}

}  // namespace

Stack stack_of(std::string_view path) {
  std::size_t best = kStackWords.size();
  for (bool first = true; !path.empty(); first = false) {
    const std::string_view part = take_part(path);
    for (std::size_t i = 0; i < best; ++i) {
      const bool stands = !kStackWords[i].first || (first && !path.empty());
      if (kStackWords[i].word == part && stands) best = i;
    }
  }
  return best == kStackWords.size() ? Stack::Main : kStackWords[best].stack;
}

std::optional<std::uint64_t> expert_number(std::string_view part) {
  constexpr auto kPrefix = "expert_"sv;
  if (part.starts_with(kPrefix)) part.remove_prefix(kPrefix.size());
  return parse_uint(part);
}

NameParts parse_name(std::string_view name) {
  std::string_view left = name;
  std::string_view word;
  while (!left.empty()) {
    const std::string_view part = take_part(left);
    const bool digits = !part.empty() && part.front() >= '0' && part.front() <= '9';
    if (digits && is_one_of(word, kBlockWords)) {
      const auto layer = parse_uint(part);
      if (!layer || *layer > INT32_MAX) break;
      const auto block_size = static_cast<std::size_t>(part.data() + part.size() - name.data());
      return {.block = name.substr(0, block_size),
              .rest = left,
              .stack = stack_of(name.substr(0, block_size - part.size() - 1)),
              .layer = static_cast<std::int32_t>(*layer)};
    }
    word = part;
  }
  return {.block = {}, .rest = name};
}

ExpertName expert_name(std::string_view rest) {
  ExpertName found;
  std::string_view before, parent, last, left = rest;
  bool below = false;  // the part just read is right below a stacked marker
  bool attention = false;
  while (!left.empty()) {
    const std::string_view part = take_part(left);
    if (is_one_of(part, kSharedParts) || part.ends_with("_shexp")) return {ExpertPart::Shared};
    if (is_one_of(part, kSelection)) return {};
    attention = attention || part.find("attn") != std::string_view::npos || part == "attention";
    if (found.part == ExpertPart::None) {
      found = routed_at(part, left.substr(0, left.find('.')));
      below = found.part == ExpertPart::Stacked;
      if (found.part == ExpertPart::Indexed) found.index_at = static_cast<std::uint32_t>(left.data() - rest.data());
    } else {
      if (part.starts_with("router") || (below && part == "gate" && left == "weight")) return {ExpertPart::Router};
      below = false;
    }
    before = parent;
    parent = last;
    last = part;
  }
  if (found.part == ExpertPart::None && !attention && is_router(before, parent, last)) return {ExpertPart::Router};
  return found;
}

std::optional<std::uint64_t> NumberedName::number_of(std::string_view name) const {
  if (name.size() <= before.size() + after.size() || !name.starts_with(before) || !name.ends_with(after)) return {};
  return parse_uint(name.substr(before.size(), name.size() - before.size() - after.size()));
}

NumberedName around_number(std::string_view name, std::size_t at) {
  const std::size_t end = std::min(name.find('.', at), name.size());
  const std::size_t digits = std::min(name.find_first_of("0123456789", at), end);
  return {name.substr(0, digits), name.substr(end)};
}

std::string_view last_part(std::string_view path) {
  std::size_t begin = path.size();
  while (begin > 0 && path[begin - 1] != '.') --begin;
  return path.substr(begin);
}

}  // namespace weigh::core
