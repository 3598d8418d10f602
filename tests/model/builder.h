#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/model/model.h"

namespace weigh::core::test {

/// Checkpoints made in memory, as a reader would leave them: names and values live in the file's `unescaped`, shapes in
/// its `dims`. Header and data area themselves do not exist.
struct TensorSpec {
  std::string name;
  Dtype dtype = Dtype::BF16;
  std::vector<std::uint64_t> shape;  ///< outermost first
};

inline ModelFile file_of(Format format, const std::vector<TensorSpec>& specs) {
  ModelFile file;
  file.name = format == Format::Gguf ? "model.gguf" : "model.safetensors";
  file.format = format;
  std::size_t dims = 0;
  for (const TensorSpec& spec : specs) dims += spec.shape.size();
  file.dims.reserve(dims);
  for (const TensorSpec& spec : specs) {
    Tensor tensor;
    tensor.name = file.header.unescaped.emplace_back(spec.name);
    tensor.dtype = spec.dtype;
    const std::size_t first = file.dims.size();
    file.dims.insert(file.dims.end(), spec.shape.begin(), spec.shape.end());
    tensor.shape = {file.dims.data() + first, spec.shape.size()};
    tensor.elements = element_count(tensor.shape).value();
    tensor.bytes = tensor_bytes(tensor.dtype, tensor.shape).value_or(0);
    file.tensor_bytes += tensor.bytes;
    file.tensors.push_back(tensor);
  }
  return file;
}

inline Checkpoint safetensors(const std::vector<TensorSpec>& specs, std::string_view config = {}) {
  Checkpoint checkpoint;
  checkpoint.files.push_back(file_of(Format::Safetensors, specs));
  if (!config.empty()) checkpoint.config = std::make_shared<const nlohmann::json>(nlohmann::json::parse(config));
  return checkpoint;
}

/// One GGUF key. Numbers become u32 or an array of u32, text a string, `strings` an array of that many empty strings.
struct KeySpec {
  std::string key;
  std::vector<std::uint32_t> numbers = {};
  std::string text = {};
  std::uint64_t strings = 0;
};

inline void add_key(const KeySpec& spec, ModelFile& file) {
  MetadataEntry entry;
  entry.key = file.header.unescaped.emplace_back(spec.key);
  std::string& value = file.header.unescaped.emplace_back(spec.text);
  for (const std::uint32_t number : spec.numbers) {
    char raw[4];
    std::memcpy(raw, &number, sizeof raw);
    value.append(raw, sizeof raw);
  }
  value.append(8 * spec.strings, '\0');
  if (!spec.numbers.empty()) entry.type = entry.element_type = ValueType::Uint32;
  if (spec.numbers.size() > 1 || spec.strings > 0) {
    entry.count = spec.strings > 0 ? spec.strings : spec.numbers.size();
    entry.type = ValueType::Array;
  }
  entry.bytes = std::as_bytes(std::span(value));
  file.metadata.byte_order = std::endian::native;
  file.metadata.entries.push_back(entry);
}

inline Checkpoint gguf(const std::vector<TensorSpec>& specs, const std::vector<KeySpec>& keys) {
  Checkpoint checkpoint;
  checkpoint.files.push_back(file_of(Format::Gguf, specs));
  for (const KeySpec& key : keys) add_key(key, checkpoint.files.front());
  return checkpoint;
}

/// Without the note on names that no pattern knows: many tests make theirs up.
inline std::vector<std::string> codes(const Model& model) {
  std::vector<std::string> codes;
  for (const Finding& finding : model.findings) {
    if (finding.code != "unknown-role") codes.emplace_back(finding.code);
  }
  return codes;
}

}  // namespace weigh::core::test
