#include "src/memory/weights.h"

#include <algorithm>
#include <array>

#include "formats/checked.h"

namespace weigh::core {

namespace {

bool starts_with_any(std::string_view name, std::initializer_list<std::string_view> beginnings) {
  return std::ranges::any_of(beginnings, [&](std::string_view beginning) { return name.starts_with(beginning); });
}
bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> ends) {
  return std::ranges::any_of(ends, [&](std::string_view end) { return name.ends_with(end); });
}

bool is_token_embedding(std::string_view name) {
  return name == "token_embd.weight" ||
         ends_with_any(name, {"embed_tokens.weight", "wte.weight", "word_embeddings.weight", "tok_embeddings.weight"});
}
bool is_input(std::string_view name) {
  return is_token_embedding(name) ||
         starts_with_any(name, {"token_embd", "token_types", "position_embd", "per_layer_"}) ||
         ends_with_any(name, {"wpe.weight", "embed_tokens_per_layer.weight", "position_embeddings.weight"});
}
bool is_rope_table(std::string_view name) { return starts_with_any(name, {"rope_freqs", "rope_factors"}); }

bool is_output_projection(std::string_view name) {
  return name == "output.weight" || ends_with_any(name, {"lm_head.weight", "embed_out.weight"});
}

// Bytes of one class of tensors, all added up without wrapping.
void add(std::uint64_t& sum, std::uint64_t bytes) {
  SaturatingSum total{.value = sum};
  total.add(bytes);
  sum = total.value;
}

void add_to_block(const Tensor& tensor, const TensorFacts& facts, WeightParts::Block& block) {
  add(block.bytes, tensor.bytes);
  if (facts.routed_expert) {
    add(block.experts, tensor.bytes);
    block.largest_expert = std::max(block.largest_expert, tensor.bytes);
  } else {
    block.largest = std::max(block.largest, tensor.bytes);
  }
}

bool of_language_model(const TensorFacts& facts) {
  return facts.stack == Stack::Main || facts.stack == Stack::Decoder || facts.stack == Stack::Encoder;
}

}  // namespace

WeightParts weight_parts(const Model& source, const RunModel& model) {
  WeightParts parts;
  parts.blocks.resize(model.layers.size());
  parts.tied = !model.has(kNoLogits);
  std::size_t index = 0;
  for (const ModelFile& file : source.checkpoint.files) {
    for (const Tensor& tensor : file.tensors) {
      const TensorFacts facts = index < source.tensors.size() ? source.tensors[index] : TensorFacts{};
      ++index;
      // Behind the last block stand those that predict, where the files do not name them so (DeepSeek-V3).
      const auto layer = static_cast<std::size_t>(std::max(facts.layer, 0));
      const bool behind = facts.stack == Stack::Main && layer >= parts.blocks.size();
      if (facts.stack == Stack::Prediction || behind) continue;
      if (facts.layer >= 0 && of_language_model(facts) && layer < parts.blocks.size()) {
        if (!model.layers[layer].predicts) add_to_block(tensor, facts, parts.blocks[layer]);
      } else if (is_rope_table(tensor.name)) {
        add(parts.everywhere, tensor.bytes);
      } else if (is_input(tensor.name)) {
        add(parts.input, tensor.bytes);
        if (is_token_embedding(tensor.name)) add(parts.embeddings, tensor.bytes);
      } else {
        add(parts.output, tensor.bytes);
        if (is_output_projection(tensor.name)) parts.tied = false;
      }
    }
  }
  return parts;
}

}  // namespace weigh::core
