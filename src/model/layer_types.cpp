#include "src/model/layer_types.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace weigh::core {

namespace {

struct TypeName {
  std::string_view name;
  LayerType type;
};

// The words of `layer_types`, `layers_block_type` and their like.
constexpr auto kTypeNames = std::to_array<TypeName>({
    {"attention", LayerType::Attention},
    {"chunked_attention", LayerType::Sliding},
    {"conv", LayerType::Recurrent},
    {"dense", LayerType::FeedForward},
    {"full_attention", LayerType::Attention},
    {"hybrid", LayerType::Attention},  // Zamba 2: the shared attention block beside a state space
    {"linear_attention", LayerType::Recurrent},
    {"local_attention", LayerType::Sliding},
    {"mamba", LayerType::Recurrent},
    {"mamba2", LayerType::Recurrent},
    {"mlp", LayerType::FeedForward},
    {"moe", LayerType::FeedForward},
    {"recurrent", LayerType::Recurrent},
    {"sliding_attention", LayerType::Sliding},
});

// The letters of Nemotron-H's `hybrid_override_pattern`.
constexpr auto kTypeLetters = std::to_array<TypeName>({
    {"*", LayerType::Attention},
    {"-", LayerType::FeedForward},
    {"E", LayerType::FeedForward},
    {"M", LayerType::Recurrent},
});

std::optional<LayerType> type_named(std::span<const TypeName> names, std::string_view name) {
  const auto row = std::ranges::find(names, name, &TypeName::name);
  return row == names.end() ? std::nullopt : std::optional(row->type);
}

// A word for each layer. Recurrent Gemma writes one period, which repeats.
std::vector<LayerType> from_words(const ConfigReader& config, std::uint64_t layers) {
  const nlohmann::json* words = config.find({"layer_types", "layers_block_type", "block_types", "_block_types"});
  if (words == nullptr || !words->is_array() || words->empty()) return {};
  std::vector<LayerType> period;
  for (const nlohmann::json& word : *words) {
    const auto type = word.is_string() ? type_named(kTypeNames, word.get_ref<const std::string&>()) : std::nullopt;
    if (!type) return {};
    period.push_back(*type);
  }
  const std::size_t written = period.size();
  for (std::size_t i = written; i < layers; ++i) period.push_back(period[i % written]);
  return period;
}

std::vector<LayerType> from_letters(const ConfigReader& config, std::uint64_t /*layers*/) {
  std::vector<LayerType> types;
  for (const char& letter : config.text({"hybrid_override_pattern"})) {
    const auto type = type_named(kTypeLetters, {&letter, 1});
    if (!type) return {};
    types.push_back(*type);
  }
  return types;
}

// The numbers of the layers that have attention; all others are recurrent.
std::vector<LayerType> from_numbers(const ConfigReader& config, std::uint64_t layers) {
  struct List {
    std::string_view key;
    std::uint64_t first;  // the number of the first layer
  };
  constexpr auto kLists = std::to_array<List>({
      {"attn_layer_indices", 0},                  // Bamba
      {"full_attn_idxs", 0},                      // LFM2
      {"linear_attn_config.full_attn_layers", 1}  // Kimi-Linear
  });
  for (const auto& [key, first] : kLists) {
    const std::vector<std::uint64_t> numbers = config.numbers({key});
    if (numbers.empty()) continue;
    std::vector<LayerType> types(static_cast<std::size_t>(layers), LayerType::Recurrent);
    for (const std::uint64_t number : numbers) {
      if (number < first || number - first >= layers) return {};
      types[static_cast<std::size_t>(number - first)] = LayerType::Attention;
    }
    return types;
  }
  return {};
}

// Jamba: one layer of each period has attention.
std::vector<LayerType> from_period(const ConfigReader& config, std::uint64_t layers) {
  const auto period = config.number({"attn_layer_period"});
  const auto offset = config.number({"attn_layer_offset"});
  if (!period || !offset || *period == 0) return {};
  std::vector<LayerType> types;
  for (std::uint64_t i = 0; i < layers; ++i) {
    types.push_back(i % *period == *offset ? LayerType::Attention : LayerType::Recurrent);
  }
  return types;
}

// MiniMax-01: 1 is attention, 0 is linear attention.
std::vector<LayerType> from_flags(const ConfigReader& config, std::uint64_t /*layers*/) {
  std::vector<LayerType> types;
  for (const std::uint64_t flag : config.numbers({"attn_type_list"})) {
    types.push_back(flag != 0 ? LayerType::Attention : LayerType::Recurrent);
  }
  return types;
}

}  // namespace

std::vector<LayerType> layer_types(const ConfigReader& config, std::uint64_t layers) {
  constexpr std::uint64_t kMaxLayers = 4096;
  if (layers == 0 || layers > kMaxLayers) return {};
  for (const auto read : {from_words, from_letters, from_numbers, from_period, from_flags}) {
    std::vector<LayerType> types = read(config, layers);
    if (types.size() == layers) return types;
  }
  return {};
}

}  // namespace weigh::core
