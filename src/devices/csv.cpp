#include "src/devices/csv.h"

#include <algorithm>

#include "formats/error.h"

namespace weigh::core {

CsvReader::CsvReader(std::string_view text) : text_(text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
}

const CsvRecord* CsvReader::next() {
  while (at_ < text_.size()) {
    read_record();
    const bool empty_line = record_.fields.size() == 1 && record_.fields.front().empty();
    if (!empty_line) return &record_;
  }
  return nullptr;
}

void CsvReader::read_record() {
  record_.line = line_;
  record_.fields.clear();
  unescaped_.clear();
  record_.fields.push_back(read_field());
  while (skip(',')) record_.fields.push_back(read_field());
  if (text_.substr(at_).starts_with("\r\n")) ++at_;
  if (!skip('\n') && at_ < text_.size()) fail_here("found text after a closing quote, expected a comma");
  ++line_;
}

std::string_view CsvReader::read_field() {
  if (skip('"')) return read_quoted();
  const std::string_view rest = text_.substr(at_);
  std::size_t end = 0;
  while (end < rest.size() && rest[end] != ',' && rest[end] != '\n' && rest[end] != '"') ++end;
  const bool ends_line = end == rest.size() || rest[end] == '\n';
  if (!ends_line && rest[end] == '"') fail_here("found a quote inside an unquoted field");
  at_ += end;
  std::string_view field = rest.substr(0, end);
  if (ends_line && field.ends_with('\r')) field.remove_suffix(1);
  return field;
}

// A doubled quote is a quote, a single one ends the field.
std::string_view CsvReader::read_quoted() {
  const std::size_t opened = line_;
  std::string* unescaped = nullptr;
  while (true) {
    const std::size_t end = text_.find('"', at_);
    if (end == std::string_view::npos) {
      line_ = opened;
      fail_here("found a quote that is never closed");
    }
    std::string_view part = text_.substr(at_, end - at_);
    at_ = end + 1;
    line_ += static_cast<std::size_t>(std::ranges::count(part, '\n'));
    const bool doubled = skip('"');
    if (!doubled && unescaped == nullptr) return part;
    if (unescaped == nullptr) unescaped = &unescaped_.emplace_back();
    *unescaped += part;
    if (!doubled) return *unescaped;
    *unescaped += '"';
  }
}

bool CsvReader::skip(char c) {
  if (at_ == text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

void CsvReader::fail_here(const std::string& what) const {
  throw UsageError("line " + std::to_string(line_) + ": " + what);
}

}  // namespace weigh::core
