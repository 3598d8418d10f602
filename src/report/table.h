#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "src/report/style.h"

namespace weigh::core {

/// Disk: a size that may be that of many files, in TiB from 1024 GiB on.
enum class Unit : std::uint8_t { Text, Verdict, Count, Parameters, Size, Disk };

/// Text that weigh itself made, flags, a command or a reason: no spreadsheet is misled by how it begins.
struct OwnText {
  std::string text;
};

/// Absent, text as it came from a file (unescaped), a whole number, one that may be negative, a ratio, or text of weigh.
using Cell = std::variant<std::monostate, std::string, std::uint64_t, std::int64_t, double, OwnText>;

/// A heading and how its cells are shown. The machine formats print every number exactly.
struct Column {
  std::string_view name;
  Unit unit = Unit::Text;
};

/// Rows and columns that every tabular format prints in its own way.
struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
  std::vector<std::vector<std::string>> notes = {};  ///< in text, lines under each row, escaped; none for rows without
};

/// A cell for `value`, absent when there is none.
template <typename T>
Cell cell(const std::optional<T>& value) {
  return value ? Cell(*value) : Cell();
}

/// Aligned columns. On a terminal the first column is cut in the middle where the line would be too long.
/// `exact`: numbers with all their digits instead of rounded to a unit.
void write_text_table(const Table& table, const Style& style, bool exact, std::ostream& out);

/// Columns that the text of a table needs when its first column is cut as far as it goes.
std::size_t least_width(const Table& table, const Style& style, bool exact);

/// RFC 4180 with '\n' line ends. A text from a file that a spreadsheet would run as a formula
/// gets a "'" in front.
void write_csv_table(const Table& table, std::ostream& out);

void write_markdown_table(const Table& table, std::ostream& out);

}  // namespace weigh::core
