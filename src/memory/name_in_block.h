#pragma once

#include <string_view>

namespace weigh::core {

/// A GGUF tensor's name behind "blk.N."; empty for the names of other formats and for what is outside of blocks.
std::string_view name_in_block(std::string_view name);

}  // namespace weigh::core
