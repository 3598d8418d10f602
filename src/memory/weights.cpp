#include "src/memory/weights.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "formats/checked.h"
#include "src/memory/name_in_block.h"
#include "src/memory/prediction.h"

namespace weigh::core {

namespace {

// Which part of the model a tensor outside of its blocks is loaded with.
enum class Place : std::uint8_t { Input, Embeddings, Everywhere, Head, Output };

// Every tensor of a buffer starts at a multiple of this many bytes (docs/memory-rules.md 1.3).
std::uint64_t in_memory(const Tensor& tensor) {
  constexpr std::uint64_t kAlignment = 32;
  return plus(tensor.bytes, (kAlignment - tensor.bytes % kAlignment) % kAlignment);
}

Place place_of(const Tensor& tensor, Role role) {
  // What prepares the embeddings is loaded with them, whatever it does: a norm, or a second embedding for each layer.
  const bool prepares =
      tensor.name.starts_with("token_embd_norm") || tensor.name.find("per_layer") != std::string_view::npos;
  if (prepares) return Place::Input;
  switch (role) {
    case Role::TokenEmbedding: return Place::Embeddings;
    case Role::OtherEmbedding: return Place::Input;
    case Role::Buffer: return Place::Everywhere;
    case Role::OutputHead: return Place::Head;
    default: return Place::Output;
  }
}

void add_outside(const Tensor& tensor, Role role, WeightParts& parts) {
  const Place place = place_of(tensor, role);
  const bool input = place == Place::Input || place == Place::Embeddings;
  std::uint64_t& sum = input ? parts.input : place == Place::Everywhere ? parts.everywhere : parts.output;
  sum = plus(sum, in_memory(tensor));
  if (place == Place::Embeddings) parts.embeddings = plus(parts.embeddings, in_memory(tensor));
  if (place == Place::Head) parts.tied = false;
}

bool is_dense_ffn(std::string_view name) {
  const std::string_view rest = name_in_block(name);
  constexpr auto kNames = std::to_array<std::string_view>({"ffn_up.", "ffn_down.", "ffn_gate."});
  return std::ranges::any_of(kNames, [&](std::string_view part) { return rest.starts_with(part); });
}

void add_to_block(const TensorFacts& facts, WeightParts::Block& block) {
  const std::uint64_t bytes = in_memory(*facts.tensor);
  block.bytes = plus(block.bytes, bytes);
  if (facts.routed_expert) {
    block.experts = plus(block.experts, bytes);
    block.largest_expert = std::max(block.largest_expert, bytes);
  } else {
    block.largest = std::max(block.largest, bytes);
  }
  if (!facts.routed_expert && is_dense_ffn(facts.tensor->name)) {
    block.ffn = plus(block.ffn, bytes);
    block.largest_ffn = std::max(block.largest_ffn, bytes);
  }
}

// Of a block that predicts, what the engine loads whether or not it is run.
bool loaded_all_the_same(const RunModel& model, std::string_view name) {
  const std::string_view rest = name_in_block(name);
  return std::ranges::any_of(loaded_of_prediction(model.architecture),
                             [&](std::string_view part) { return rest.starts_with(part); });
}

bool of_language_model(const TensorFacts& facts) {
  return facts.stack == Stack::Main || facts.stack == Stack::Decoder || facts.stack == Stack::Encoder;
}

}  // namespace

KeptWeights kept_on_host(const WeightParts& parts, std::size_t block, const Run& run) {
  const WeightParts::Block& weights = parts.blocks[block];
  KeptWeights kept;
  if (block < run.cpu_moe_layers) kept = {weights.experts, weights.largest_expert};
  if (block < run.cpu_ffn_layers) {
    kept = {plus(kept.bytes, weights.ffn), std::max(kept.largest, weights.largest_ffn)};
  }
  return kept;
}

WeightTable::WeightTable(const Model& source) {
  constexpr std::string_view kSuffix = ".weight";
  for (const TensorFacts& facts : source.tensors) {
    std::string_view name = facts.tensor->name;
    if (!name.ends_with(kSuffix)) continue;
    name.remove_suffix(kSuffix.size());
    const bool in_block = facts.layer >= 0 && name.starts_with("blk.");
    if (in_block) name.remove_prefix(std::min(name.find('.', 4) + 1, name.size()));
    rows_.push_back({in_block ? facts.layer : -1, name, facts.tensor->bytes});
  }
  std::ranges::sort(rows_, std::less<>(), [](const Row& row) { return std::pair(row.block, row.name); });
}

Bytes WeightTable::bytes(std::int32_t block, std::string_view name) const {
  const std::pair key(std::max(block, -1), name);
  const auto place = [](const Row& row) { return std::pair(row.block, row.name); };
  const auto row = std::ranges::lower_bound(rows_, key, std::less<>(), place);
  return row != rows_.end() && place(*row) == key ? Bytes(row->bytes) : std::nullopt;
}

WeightParts weight_parts(const Model& source, const RunModel& model) {
  WeightParts parts;
  parts.blocks.resize(model.layers.size());
  parts.tied = !model.has(kNoLogits);
  if (model.prediction == PredictionUse::Alone) return parts;
  const bool loads = model.prediction == PredictionUse::Loaded;
  for (const TensorFacts& facts : source.tensors) {
    // Blocks after the last one predict, also where the files do not name them so (DeepSeek-V3).
    const auto layer = static_cast<std::size_t>(std::max(facts.layer, 0));
    const bool after_last = facts.stack == Stack::Main && layer >= parts.blocks.size();
    if (facts.stack == Stack::Prediction || after_last) {
      if (loads) add_to_block(facts, parts.blocks.back());
      continue;
    }
    if (facts.layer >= 0 && of_language_model(facts) && layer < parts.blocks.size()) {
      if (loads || !model.layers[layer].predicts || loaded_all_the_same(model, facts.tensor->name)) {
        add_to_block(facts, parts.blocks[layer]);
      }
    } else {
      add_outside(*facts.tensor, facts.role, parts);
    }
  }
  if (parts.tied && model.has(kOutputCopied)) parts.copied = parts.embeddings;
  return parts;
}

}  // namespace weigh::core
