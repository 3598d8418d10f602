#pragma once

#include <cstddef>
#include <string_view>

namespace weigh::core {

struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 0;  ///< 0: the first byte starts no valid sequence
};

/// The code point that `text` (not empty) starts with; well-formed sequences as in table 3-7 of the Unicode standard.
CodePoint first_code_point(std::string_view text);

}  // namespace weigh::core
