#pragma once

#include "formats/model_file.h"

namespace weigh::core {

/// There is no magic number: a length that fits in the file, then a JSON object.
bool looks_like_safetensors(std::span<const std::byte> head, std::uint64_t file_bytes);

/// Reads a safetensors header. Throws FormatError when it is broken.
ModelFile read_safetensors(ByteSource& source);

}  // namespace weigh::core
