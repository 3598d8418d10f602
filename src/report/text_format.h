#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/devices/units.h"

namespace weigh::core {

/// Safe to show: control characters, invalid UTF-8 and bidirectional overrides become \xNN or \u{NNNN}. Without
/// `unicode` so does everything beyond ASCII.
std::string escaped(std::string_view text, bool unicode = true);

/// JSON text (valid UTF-8) with invisible and reordering characters as \uNNNN: the same document, safe to show.
std::string json_escaped(std::string json);

/// "46.70 B", "125.3 M", "512".
std::string human_parameters(std::uint64_t parameters);

/// "26,441,533,376".
std::string grouped(std::uint64_t number);

/// "1 file", "19 files".
std::string counted(std::uint64_t number, std::string_view noun);

/// Columns that a terminal needs for escaped text; colour sequences need none.
std::size_t display_width(std::string_view text);

/// Escaped text, cut in the middle to at most `columns`: "blk.0.att…weight".
std::string cut_middle(const std::string& text, std::size_t columns, bool unicode);

/// Lines of at most `columns`, broken at spaces but not between a number and its unit; a longer word stands alone.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns);

/// Items joined by `separator` into lines of at most `columns`.
std::vector<std::string> packed(const std::vector<std::string>& items, std::string_view separator, std::size_t columns);

/// Rows as lines, two spaces between the columns. `alignment` has 'l' or 'r' for each column; no trailing spaces.
std::vector<std::string> aligned(const std::vector<std::vector<std::string>>& rows, std::string_view alignment);

/// A bar of `share` (0 to 1) of `columns`, in eighths of a column, or of '#' without `unicode`.
std::string bar(double share, std::size_t columns, bool unicode);

}  // namespace weigh::core
