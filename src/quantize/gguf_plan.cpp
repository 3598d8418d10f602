#include <string_view>
#include <vector>

#include "formats/checked.h"
#include "src/model/hyperparameters.h"
#include "src/quantize/convert_to_gguf.h"

namespace weigh::core {

namespace {

std::uint64_t first_of(const std::vector<std::uint64_t>& values, std::uint64_t otherwise) {
  return values.empty() ? otherwise : values.front();
}

// A key with its value as GGUF v2 and v3 write it, whatever version it comes from.
std::uint64_t written_bytes(const Metadata& metadata, const MetadataEntry& entry) {
  const std::uint64_t narrow = 8 - metadata.length_bytes;  // 4 in v1
  const std::uint64_t key = 8 + entry.key.size() + 4;
  if (entry.type == ValueType::String) return key + 8 + entry.bytes.size();
  if (entry.type != ValueType::Array) return key + value_type_bytes(entry.type);
  const std::uint64_t lengths = entry.element_type == ValueType::String ? times(entry.count, narrow) : 0;
  return key + 4 + 8 + entry.bytes.size() + lengths;
}

std::uint64_t key_bytes(const Metadata& metadata) {
  SaturatingSum sum;
  for (const MetadataEntry& entry : metadata.entries) {
    if (!entry.key.starts_with("split.")) sum.add(written_bytes(metadata, entry));
  }
  for (const std::string_view key :
       {std::string_view("general.file_type"), std::string_view("general.quantization_version")}) {
    if (metadata.find(key) == nullptr) sum.add(8 + key.size() + 4 + 4);
  }
  return sum.value;
}

GgufPlan from_gguf(const Model& model) {
  const ArchitectureKeys keys(model.checkpoint);
  GgufPlan plan;
  plan.architecture = std::string(keys.name());
  plan.layers = first_of(keys.numbers("block_count"), model.architecture.layers.value_or(0));
  plan.nextn = first_of(keys.numbers("nextn_predict_layers"), 0);
  plan.heads = first_of(keys.numbers("attention.head_count"), 0);
  plan.kv_heads = first_of(keys.numbers("attention.head_count_kv"), plan.heads);
  plan.experts = first_of(keys.numbers("expert_count"), 0);
  if (keys.metadata() != nullptr) plan.key_bytes = key_bytes(*keys.metadata());
  plan.tensors.reserve(model.tensors.size());
  for (const TensorFacts& facts : model.tensors) {
    const Tensor& tensor = *facts.tensor;
    plan.tensors.push_back({std::string(tensor.name), tensor.dtype, {tensor.shape.begin(), tensor.shape.end()}});
  }
  return plan;
}

}  // namespace

GgufPlan plan_gguf(const Model& model) {
  if (model.checkpoint.files.empty()) return {};
  return is_gguf(model.checkpoint) ? from_gguf(model) : plan_conversion(model);
}

}  // namespace weigh::core
