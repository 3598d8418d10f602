#pragma once

#include "formats/snapshot.h"

namespace weigh::core {

/// The path that means standard input, whether or not a file is called so: that one is "./-".
inline constexpr const char* kStandardInput = "-";

/// What a model is called whose header came so.
inline constexpr const char* kStandardInputName = "standard input (header only)";

/// The header at the beginning of a stream, GGUF or safetensors, as a snapshot of the whole file that it begins; or the
/// snapshot that the stream is. Reads no further than the header. Throws FormatError or IoError.
Snapshot read_header_stream(int descriptor);

}  // namespace weigh::core
