#include "src/report/json_writer.h"

#include <algorithm>
#include <utility>

#include "src/report/escape.h"

namespace weigh::core {

void JsonWriter::break_line() {
  if (!indented_) return;
  text_ += '\n';
  text_.append(2 * depth_, ' ');
}

void JsonWriter::separate() {
  if (depth_ == 0) return;
  if (!is_first_) text_ += ',';
  is_first_ = false;
  break_line();
}

void JsonWriter::begin_member(std::string_view key) {
  separate();
  append_text(key);
  text_ += indented_ ? ": " : ":";
  after_key_ = true;
}

void JsonWriter::begin_value(std::string_view text) {
  if (!std::exchange(after_key_, false)) separate();
  text_ += text;
}

void JsonWriter::append_text(std::string_view text) {
  const auto is_plain = [](char c) { return c >= ' ' && c < '\x7f' && c != '"' && c != '\\'; };
  if (std::ranges::all_of(text, is_plain)) {
    ((text_ += '"') += text) += '"';
  } else {
    text_ += Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  }
}

void JsonWriter::add(std::string_view text) {
  begin_value({});
  append_text(text);
}

void JsonWriter::add(const Json& tree) {
  begin_value({});
  const std::string dump = tree.dump(indented_ ? 2 : -1, ' ', false, Json::error_handler_t::replace);
  // No text in it has a line end: each is one of the layout.
  for (const char c : dump) {
    text_ += c;
    if (c == '\n') text_.append(2 * depth_, ' ');
  }
}

std::string JsonWriter::take() { return json_escaped(std::move(text_)); }

}  // namespace weigh::core
