#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

/// One record of a CSV text.
struct CsvRecord {
  std::size_t line = 0;  ///< where it begins, from 1
  std::vector<std::string> fields;
};

/// Reads RFC 4180: fields parted by commas, quoted where they hold a comma, a quote (doubled) or a line break; lines
/// end with LF or CRLF. Empty lines and a byte order mark are skipped. Throws UsageError with the line where a quote is
/// out of place.
std::vector<CsvRecord> parse_csv(std::string_view text);

}  // namespace weigh::core
