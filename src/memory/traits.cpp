#include "src/memory/traits.h"

#include <algorithm>
#include <array>

namespace weigh::core {

namespace {

struct TraitRow {
  std::string_view name;
  std::uint32_t traits;
};

constexpr auto kTraits = std::to_array<TraitRow>({
    {"bailingmoe2", kNoDraftGraph},
    {"bailingmoe3", kRollsBack},
    {"deepseek4", kRollsBack},
    {"exaone-moe", kNoDraftGraph},
    {"gemma3n", kOutputCopied},
    {"gemma4", kOutputCopied},
    {"grok", kNoFlashAttention},
    {"kimi-k3", kRollsBack},
    {"lfm2", kRollsBack},
    {"lfm2moe", kRollsBack},
    {"nemotron_h", kRollsBack},
    {"nemotron_h_moe", kRollsBack},
    {"qwen35", kRollsBack},
    {"qwen35moe", kRollsBack},
    {"qwen4exp", kRollsBack},
});

static_assert(std::ranges::is_sorted(kTraits, {}, &TraitRow::name), "architecture_traits() searches by halves");

// The selection bias; the head; the feed-forward part and the head.
constexpr auto kBias = std::to_array<std::string_view>({"exp_probs_b"});
constexpr auto kHead = std::to_array<std::string_view>({"nextn.embed_tokens", "nextn.shared_head"});
constexpr auto kFfnAndHead = std::to_array<std::string_view>(
    {"exp_probs_b", "ffn_down", "ffn_gate", "ffn_up", "nextn.embed_tokens", "nextn.shared_head"});

struct LoadedRow {
  std::string_view name;
  std::span<const std::string_view> parts;
};

constexpr auto kLoaded = std::to_array<LoadedRow>({
    {"cohere2moe", kHead},
    {"deepseek32", kBias},
    {"glm-dsa", kBias},
    {"hy_v3", kFfnAndHead},
});

}  // namespace

std::uint32_t architecture_traits(std::string_view name) {
  const auto* row = std::ranges::lower_bound(kTraits, name, {}, &TraitRow::name);
  return row != kTraits.end() && row->name == name ? row->traits : 0;
}

std::span<const std::string_view> loaded_of_prediction(std::string_view architecture) {
  const auto* row = std::ranges::find(kLoaded, architecture, &LoadedRow::name);
  return row != kLoaded.end() ? row->parts : std::span<const std::string_view>();
}

}  // namespace weigh::core
