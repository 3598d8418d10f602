#pragma once

#include <cstddef>
#include <cstdint>
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
  Kind kind();
  /// What the next value is, as a sentence about a fault names it: "an object", "17".
  std::string found();
  /// Where the next value begins.
  const char* position();

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
  /// The number that comes next, when it is written as a whole one that 64 bits hold; else nothing, and it isn't taken.
  std::optional<std::uint64_t> take_uint();
  void take_null();
  /// Takes any value and checks all of it; `depth` values are open around it.
  void skip(std::size_t depth);

  /// Nothing but blanks may follow.
  void finish();

  /// The string without escapes. Throws JsonFault for half a pair of surrogates.
  [[nodiscard]] static std::string unescaped(JsonString string);

 private:
  void skip_blanks();
  void take(char wanted, std::string_view what);
  bool take_if(char wanted);
  void take_word(std::string_view word);
  void skip_number();
  [[noreturn]] void fail(std::string what) const;

  const char* at_;
  const char* end_;
};

}  // namespace weigh::core
