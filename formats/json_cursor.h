#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace weigh::core {

/// A string of a JSON text as it is written there, without its quotes.
struct JsonString {
  std::string_view raw;
  bool has_escapes = false;  ///< else `raw` is the string itself
};

/// Where a text stops being JSON, and why: "a comma is missing".
struct JsonFault {
  const char* at;
  std::string what;
};

/// Reads a JSON text from its beginning to its end, value by value, in place: it takes no memory but for depth. Strict: what
/// the grammar of RFC 8259 doesn't allow is a JsonFault. Every value must be taken before the next is looked at.
class JsonCursor {
 public:
  /// Bytes of zero that must follow the text.
  static constexpr std::size_t kPadding = 64;
  static constexpr std::size_t kMaxDepth = 127;  ///< of nested values, as in the reference reader of safetensors

  /// Throws JsonFault when the text is not UTF-8.
  JsonCursor(const char* text, std::size_t length);

  enum class Kind : std::uint8_t { Object, Array, String, Number, Boolean, Null };
  /// Of the next value, by its first byte.
  Kind kind() {
    skip_blanks();
    switch (*at_) {
      case '{': return Kind::Object;
      case '[': return Kind::Array;
      case '"': return Kind::String;
      case 't':
      case 'f': return Kind::Boolean;
      case 'n': return Kind::Null;
      default: break;
    }
    if (*at_ == '-' || is_digit(*at_)) return Kind::Number;
    fail("no JSON value");
  }
  /// What the next value is, as a sentence about a fault names it: "an object", "17".
  std::string found();
  /// Where the next value begins.
  const char* position() {
    skip_blanks();
    return at_;
  }

  /// Calls `field(key)` for each field of the object that comes next; it must take the value.
  template <typename Field>
  void each_field(Field field) {
    take('{', "an object");
    if (take_if('}')) return;
    do {
      const JsonString key = take_string();
      take(':', "a colon");
      field(key);
    } while (take_if(','));
    take('}', "a comma or the end of the object");
  }

  /// Calls `element()` for each element of the array that comes next; it must take it.
  template <typename Element>
  void each_element(Element element) {
    take('[', "an array");
    if (take_if(']')) return;
    do {
      element();
    } while (take_if(','));
    take(']', "a comma or the end of the array");
  }

  JsonString take_string();
  /// Moves on behind `text`, which is not empty and holds no zero, where it stands next, letter by letter.
  bool take_text(std::string_view text) {
    if (text.size() > kPadding || std::memcmp(at_, text.data(), text.size()) != 0) return false;
    at_ += text.size();
    return true;
  }
  /// Goes back to where `position()` was.
  void go_back(const char* position) { at_ = position; }

  /// The number that comes next, when it is written as a whole one that 64 bits hold; else nothing, and it isn't taken.
  std::optional<std::uint64_t> take_uint() {
    skip_blanks();
    // Nineteen digits cannot overflow; who brings more is heard out of line.
    const char* at = at_;
    std::uint64_t value = 0;
    while (is_digit(*at) && at - at_ < 19) value = 10 * value + static_cast<std::uint64_t>(*at++ - '0');
    const bool is_plain = at > at_ && (*at == ',' || *at == ']') && (*at_ != '0' || at - at_ == 1);
    if (!is_plain) return take_odd_uint();
    at_ = at;
    return value;
  }
  void take_null();
  /// Takes any value and checks all of it; `depth` values are open around it.
  void skip(std::size_t depth);

  /// Nothing but blanks may follow.
  void finish();

  /// The string without escapes. Throws JsonFault for half a pair of surrogates.
  [[nodiscard]] static std::string unescaped(JsonString string);

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  void skip_blanks() {
    while (is_blank(*at_) && at_ < end_) ++at_;
  }
  bool take_if(char wanted) {
    skip_blanks();
    if (*at_ != wanted || at_ >= end_) return false;
    ++at_;
    return true;
  }
  void take(char wanted, const char* what) {
    if (!take_if(wanted)) miss(what);
  }
  std::optional<std::uint64_t> take_odd_uint();
  [[noreturn]] void miss(std::string_view what) const;
  void take_word(std::string_view word);
  void skip_number();
  [[noreturn]] void fail(std::string what) const;

  const char* at_;
  const char* end_;
};

}  // namespace weigh::core
