#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

// Escaped text in the columns of a terminal.

/// Columns that a terminal needs for escaped text; colour sequences need none.
std::size_t display_width(std::string_view text);

/// Escaped text, cut in the middle to at most `columns`: "blk.0.att…weight".
std::string cut_middle(const std::string& text, std::size_t columns, bool unicode);

/// Lines of at most `columns`, broken at spaces but not between a number and its unit; a longer word has its own line.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns);

/// Items joined by `separator` into lines of at most `columns`.
std::vector<std::string> packed(const std::vector<std::string>& items, std::string_view separator, std::size_t columns);

/// Rows as lines, two spaces between the columns. `alignment` has 'l' or 'r' for each column; no trailing spaces.
std::vector<std::string> aligned(const std::vector<std::vector<std::string>>& rows, std::string_view alignment);

/// A bar of `share` (0 to 1) of `columns`, in eighths of a column, or of '#' without `unicode`.
std::string bar(double share, std::size_t columns, bool unicode);

}  // namespace weigh::core
