#pragma once

#include <cstdint>
#include <string_view>

#include "formats/metadata.h"
#include "formats/model_file.h"

namespace weigh::core {

/// Looks at everything a reader returned, so that a view into nowhere is met by the sanitizers.
inline std::uint64_t touch(const ModelFile& file) {
  std::uint64_t sum = file.file_bytes;
  const auto add_text = [&](std::string_view text) {
    for (const char c : text) sum += static_cast<unsigned char>(c);
  };
  for (const Tensor& tensor : file.tensors) {
    add_text(tensor.name);
    for (const std::uint64_t dimension : tensor.shape) sum += dimension;
    sum += tensor.elements + tensor.offset + tensor.bytes;
    add_text(name(tensor.dtype));
  }
  for (const MetadataEntry& entry : file.metadata.entries) {
    add_text(entry.key);
    const MetadataValue value = decode(file.metadata, entry, 16);
    add_text(value.text);
    for (const MetadataValue& element : value.elements) add_text(element.text);
    sum += file.metadata.unsigned_integers(entry.key).size() + file.metadata.strings(entry.key, 16).size();
    sum += file.metadata.number(entry.key).has_value() ? 1 : 0;
    sum += file.metadata.boolean(entry.key).value_or(false) ? 1 : 0;
    add_text(file.metadata.string(entry.key).value_or(""));
  }
  for (const Finding& finding : file.findings) {
    add_text(finding.message);
    add_text(finding.tensor);
  }
  return sum;
}

}  // namespace weigh::core
