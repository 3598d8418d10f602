#include "src/devices/csv.h"

#include <algorithm>
#include <utility>

#include "formats/error.h"

namespace weigh::core {

namespace {

class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : text_(text) {}

  std::vector<CsvRecord> read() {
    std::vector<CsvRecord> records;
    while (at_ < text_.size()) {
      CsvRecord record = read_record();
      const bool empty_line = record.fields.size() == 1 && record.fields[0].empty();
      if (!empty_line) records.push_back(std::move(record));
    }
    return records;
  }

 private:
  CsvRecord read_record() {
    CsvRecord record;
    record.line = line_;
    record.fields.push_back(read_field());
    while (skip(",")) record.fields.push_back(read_field());
    if (!skip("\r\n") && !skip("\n") && at_ < text_.size())
      fail_here("found text after a closing quote, expected a comma");
    ++line_;
    return record;
  }

  std::string read_field() {
    if (skip("\"")) return read_quoted();
    const std::size_t end = std::min(text_.find_first_of(",\n", at_), text_.size());
    std::string_view field = text_.substr(at_, end - at_);
    if (field.find('"') != std::string_view::npos) fail_here("found a quote inside an unquoted field");
    at_ = end;
    const bool ends_line = end == text_.size() || text_[end] == '\n';
    if (ends_line && field.ends_with('\r')) field.remove_suffix(1);
    return std::string(field);
  }

  std::string read_quoted() {
    const std::size_t opened = line_;
    std::string field;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"' && !skip("\"")) return field;  // a doubled quote is a quote, a single one ends the field
      if (c == '\n') ++line_;
      field += c;
    }
    line_ = opened;
    fail_here("found a quote that is never closed");
  }

  bool skip(std::string_view token) {
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  [[noreturn]] void fail_here(const std::string& what) const {
    throw UsageError("line " + std::to_string(line_) + ": " + what);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
};

}  // namespace

std::vector<CsvRecord> parse_csv(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return CsvReader(text).read();
}

}  // namespace weigh::core
