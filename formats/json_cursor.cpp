#include "formats/json_cursor.h"

#include <simdjson.h>

#include <bit>
#include <charconv>
#include <cstring>

#include "formats/error.h"

namespace weigh::core {

namespace {

// The first of a quote, a backslash and a control character. Eight bytes at a time: a zero byte of the word that has the
// wanted byte taken out lends its top bit; a false one can only come after a true one.
const char* find_special(const char* at) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U;
  constexpr std::uint64_t kTops = 0x8080808080808080U;
  if constexpr (std::endian::native == std::endian::little) {
    while (true) {
      std::uint64_t word = 0;
      std::memcpy(&word, at, sizeof word);
      const std::uint64_t quote = word ^ (kOnes * '"');
      const std::uint64_t slash = word ^ (kOnes * '\\');
      const std::uint64_t found =
          (((quote - kOnes) & ~quote) | ((slash - kOnes) & ~slash) | ((word - kOnes * 0x20) & ~word)) & kTops;
      if (found != 0) return at + std::countr_zero(found) / 8;
      at += sizeof word;
    }
  }
  while (*at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) ++at;
  return at;
}

std::optional<unsigned> hex4(const char* at) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(at, at + 4, value, 16);
  return error == std::errc() && end == at + 4 ? std::optional(value) : std::nullopt;
}

void append_utf8(std::string& text, unsigned code) {
  const auto tail = [&](unsigned shift) { text += static_cast<char>(0x80U | ((code >> shift) & 0x3FU)); };
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0U | (code >> 6U));
    tail(0);
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0U | (code >> 12U));
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0U | (code >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
}

// The character of the escape "\uXXXX" at `at`, or of the two that make a pair; moves on behind it.
unsigned take_code_point(const char*& at, const char* end) {
  const char* const begin = at;
  const auto unit = [&]() -> unsigned {
    const auto value = end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? hex4(at + 2) : std::nullopt;
    if (!value) throw JsonFault{begin, "half a pair of surrogates"};
    at += 6;
    return *value;
  };
  const unsigned first = unit();
  if (first < 0xD800 || first > 0xDFFF) return first;
  const unsigned second = first < 0xDC00 ? unit() : 0;
  if (second < 0xDC00 || second > 0xDFFF) throw JsonFault{begin, "half a pair of surrogates"};
  return 0x10000 + ((first - 0xD800) << 10U) + (second - 0xDC00);
}

}  // namespace

JsonCursor::JsonCursor(const char* text, std::size_t length) : at_(text), end_(text + length) {
  const auto valid = simdjson::validate_utf8(text, length);
  if (!valid) throw JsonFault{text, "bytes that are not UTF-8"};
}

std::string JsonCursor::found() {
  switch (kind()) {
    case Kind::Object: return "an object";
    case Kind::Array: return "an array";
    case Kind::String: return "a string";
    case Kind::Boolean: return "a boolean";
    case Kind::Null: return "null";
    case Kind::Number: break;
  }
  constexpr std::size_t kMax = 40;  // digits; hostile numbers are longer
  std::string_view number(at_, static_cast<std::size_t>(end_ - at_));
  number = number.substr(0, number.find_first_of(",]} \t\r\n"));
  return std::string(number.substr(0, kMax)) + (number.size() > kMax ? "..." : "");
}

void JsonCursor::fail(std::string what) const {
  throw JsonFault{at_, at_ >= end_ ? "its end in the middle of a value" : std::move(what)};
}

void JsonCursor::miss(std::string_view what) const { fail("no JSON: " + std::string(what) + " is missing"); }

JsonString JsonCursor::take_string() {
  take('"', "a string");
  const char* const begin = at_;
  bool has_escapes = false;
  while (true) {
    at_ = find_special(at_);
    if (at_ >= end_) fail("a string without its end");
    if (*at_ == '"') break;
    if (*at_ != '\\') fail("a control character in a string");
    has_escapes = true;
    constexpr std::string_view kEscapes = "\"\\/bfnrtu";
    if (kEscapes.find(at_[1]) == std::string_view::npos) fail("an escape that JSON does not know");
    if (at_[1] == 'u' && !hex4(at_ + 2)) fail("an escape without four digits");
    at_ += at_[1] == 'u' ? 6 : 2;
  }
  const JsonString string{{begin, static_cast<std::size_t>(at_ - begin)}, has_escapes};
  ++at_;
  return string;
}

std::optional<std::uint64_t> JsonCursor::take_odd_uint() {
  const char* const begin = at_;
  if (*begin == '0' && is_digit(begin[1])) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(begin, end_, value);
  if (error != std::errc() || *end == '.' || *end == 'e' || *end == 'E') return std::nullopt;
  at_ = end;
  return value;
}

void JsonCursor::skip_number() {
  const char* const begin = at_;
  const auto digits = [&] {
    if (!is_digit(*at_)) fail("a number without digits");
    while (is_digit(*at_)) ++at_;
  };
  if (*at_ == '-') ++at_;
  if (*at_ == '0' && is_digit(at_[1])) fail("a number that begins with 0");
  digits();
  if (*at_ == '.') {
    ++at_;
    digits();
  }
  bool shrinks = false;
  if (*at_ == 'e' || *at_ == 'E') {
    ++at_;
    shrinks = *at_ == '-';
    if (*at_ == '-' || *at_ == '+') ++at_;
    digits();
  }
  double value = 0;
  const auto [end, error] = std::from_chars(begin, at_, value);
  if (error == std::errc::result_out_of_range && !shrinks) {
    at_ = begin;
    fail("a number that is too large");
  }
}

void JsonCursor::take_word(std::string_view word) {
  if (static_cast<std::size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0) {
    fail("a word that is no JSON value");
  }
  at_ += word.size();
}

void JsonCursor::take_null() {
  skip_blanks();
  take_word("null");
}

void JsonCursor::skip(std::size_t depth) {
  const Kind next = kind();
  const bool nests = next == Kind::Object || next == Kind::Array;
  if (nests && depth >= kMaxDepth) fail("nesting deeper than 127 levels");
  switch (next) {
    case Kind::Object:
      each_field([&](const JsonString& key) {
        if (key.has_escapes) (void)unescaped(key);
        skip(depth + 1);
      });
      break;
    case Kind::Array: each_element([&] { skip(depth + 1); }); break;
    case Kind::String: {
      const JsonString string = take_string();
      if (string.has_escapes) (void)unescaped(string);
      break;
    }
    case Kind::Number: skip_number(); break;
    case Kind::Boolean: take_word(*at_ == 't' ? "true" : "false"); break;
    case Kind::Null: take_word("null"); break;
  }
}

void JsonCursor::finish() {
  skip_blanks();
  if (at_ != end_) throw JsonFault{at_, "text behind the closing brace"};
}

std::string JsonCursor::unescaped(JsonString string) {
  std::string text;
  text.reserve(string.raw.size());
  const char* at = string.raw.data();
  const char* const end = at + string.raw.size();
  while (at < end) {
    if (*at != '\\') {
      text += *at++;
      continue;
    }
    if (at[1] == 'u') {
      append_utf8(text, take_code_point(at, end));
      continue;
    }
    switch (at[1]) {
      case 'b': text += '\b'; break;
      case 'f': text += '\f'; break;
      case 'n': text += '\n'; break;
      case 'r': text += '\r'; break;
      case 't': text += '\t'; break;
      default: text += at[1]; break;
    }
    at += 2;
  }
  return text;
}

}  // namespace weigh::core
