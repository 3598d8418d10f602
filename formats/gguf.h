#pragma once

#include "formats/model_file.h"

namespace weigh::core {

bool looks_like_gguf(std::span<const std::byte> head);

/// Reads a GGUF header: versions 1, 2 and 3 in either byte order. Throws FormatError when it is broken.
ModelFile read_gguf(ByteSource& source);

}  // namespace weigh::core
