#include "tests/model/builder.h"

#include <bit>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>

namespace weigh::core::test {

ModelFile file_of(Format format, const std::vector<TensorSpec>& specs) {
  ModelFile file;
  file.name = format == Format::Gguf ? "model.gguf" : "model.safetensors";
  file.format = format;
  for (const TensorSpec& spec : specs) {
    Tensor tensor;
    tensor.name = file.header.unescaped.emplace_back(spec.name);
    tensor.dtype = spec.dtype;
    tensor.shape = file.shapes.keep(spec.shape);
    tensor.elements = element_count(tensor.shape).value();
    tensor.bytes = tensor_bytes(tensor.dtype, tensor.shape).value_or(0);
    file.tensor_bytes += tensor.bytes;
    file.tensors.push_back(tensor);
  }
  return file;
}

std::shared_ptr<const nlohmann::json> json(std::string_view text) {
  return std::make_shared<const nlohmann::json>(nlohmann::json::parse(text));
}

Checkpoint safetensors(const std::vector<TensorSpec>& specs, std::string_view config) {
  Checkpoint checkpoint;
  checkpoint.files.push_back(file_of(Format::Safetensors, specs));
  if (!config.empty()) checkpoint.config = json(config);
  return checkpoint;
}

void add_key(const KeySpec& spec, ModelFile& file) {
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
  if (spec.flag) {
    entry.type = ValueType::Bool;
    value.assign(1, *spec.flag ? '\1' : '\0');
  }
  entry.bytes = std::as_bytes(std::span(value));
  file.metadata.byte_order = std::endian::native;
  file.metadata.entries.push_back(entry);
}

Checkpoint gguf(const std::vector<TensorSpec>& specs, const std::vector<KeySpec>& keys) {
  Checkpoint checkpoint;
  checkpoint.files.push_back(file_of(Format::Gguf, specs));
  for (const KeySpec& key : keys) add_key(key, checkpoint.files.front());
  return checkpoint;
}

}  // namespace weigh::core::test
