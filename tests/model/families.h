#pragma once

#include "tests/fixtures/families.h"
#include "tests/model/builder.h"

namespace weigh::core::test {

inline std::vector<TensorSpec> specs_of(const std::vector<fixtures::NamedShape>& tensors) {
  std::vector<TensorSpec> specs;
  for (const fixtures::NamedShape& tensor : tensors) specs.push_back({tensor.name, Dtype::BF16, tensor.shape});
  return specs;
}

inline Checkpoint as_safetensors(const fixtures::Family& family) {
  return safetensors(specs_of(safetensors_tensors(family)), config_json(family));
}

inline Checkpoint as_gguf(const fixtures::Family& family) {
  std::vector<KeySpec> keys = {{"general.architecture", {}, family.gguf}};
  for (const auto& [key, value] : gguf_keys(family)) keys.push_back({key, {value}});
  return gguf(specs_of(gguf_tensors(family)), keys);
}

inline std::uint64_t parameters_of(const Model& model, Role role) {
  for (const RoleTotals& row : model.by_role) {
    if (row.role == role) return row.parameters;
  }
  return 0;
}

}  // namespace weigh::core::test
