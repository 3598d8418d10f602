#pragma once

#include <string_view>

namespace weigh::core {

/// docs/checks.md, byte for byte.
std::string_view checks_md();

}  // namespace weigh::core
