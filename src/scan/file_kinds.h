#pragma once

#include <string>
#include <string_view>

#include "src/source/file_names.h"

namespace weigh::core {

// What a scan asks of a file beyond what source/file_names.h tells of its name.

/// Whether only its first bytes can tell what the file is.
bool is_unclear_name(std::string_view name);

/// Whether the file's first bytes are those of a GGUF file; false also when it cannot be read.
bool begins_with_gguf(const std::string& path);

}  // namespace weigh::core
