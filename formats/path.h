#pragma once

#include <string_view>

namespace weigh::core {

/// Whether a relative name that a file states stays inside that file's folder: no absolute path, no ".." and no empty
/// part, no "://", no backslash and no NUL. Names that fail are refused, never repaired.
bool stays_inside(std::string_view name);

}  // namespace weigh::core
