#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace weigh::core {

/// The text of a file that a person wrote; nothing when there is no such file. It is opened only when it is a regular file:
/// a named pipe would wait for its other end. Throws UsageError, which names it, when it cannot be read or is larger.
std::optional<std::string> read_small_file(const std::string& path, std::size_t most_bytes);

}  // namespace weigh::core
