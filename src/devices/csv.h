#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

/// One record of a CSV text.
struct CsvRecord {
  std::size_t line = 0;                  ///< where it begins, from 1
  std::vector<std::string_view> fields;  ///< into the text, or into the reader
};

/// Reads RFC 4180 record by record: fields parted by commas, quoted where they hold a comma, a quote (doubled) or a line
/// break; lines end with LF or CRLF. Empty lines and a byte order mark are skipped.
class CsvReader {
 public:
  /// The text must outlive the reader.
  explicit CsvReader(std::string_view text);

  /// The next record, which is there until the next call; null behind the last. Throws UsageError with the line where a
  /// quote is out of place.
  const CsvRecord* next();

 private:
  void read_record();
  std::string_view read_field();
  std::string_view read_quoted();
  bool skip(char c);
  [[noreturn]] void fail_here(const std::string& what) const;

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  CsvRecord record_;
  std::deque<std::string> unescaped_;  // the record's fields that hold a doubled quote
};

}  // namespace weigh::core
