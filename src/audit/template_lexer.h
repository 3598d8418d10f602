#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

/// A token inside "{{ }}" or "{% %}".
struct TemplateToken {
  enum class Kind : std::uint8_t { Name, String, Number, Operator };
  Kind kind;
  std::string_view text;   ///< as it is spelled, a string without its quotes
  std::string_view whole;  ///< with them, as far as they are there
};

/// A piece of a template: text that is printed as it is, or a tag with its tokens.
struct TemplatePiece {
  enum class Kind : std::uint8_t { Text, Output, Statement };
  Kind kind = Kind::Text;
  std::string_view text;              ///< of Kind::Text
  std::vector<TemplateToken> tokens;  ///< of the other kinds
};

/// Cuts a template as Jinja's lexer does: comments are left out, text inside "{% raw %}" is text, and an end mark inside
/// brackets or a string ends nothing. What Jinja refuses (a bracket that closes another one, a tag without end) is read
/// on, since other renderers are milder. Line statements are off, as in transformers.
class TemplateLexer {
 public:
  /// `text` must outlive the lexer.
  explicit TemplateLexer(std::string_view text) : text_(text) {}

  /// False when the template has ended. `piece` is reused.
  bool next(TemplatePiece& piece);

 private:
  bool read_raw(TemplatePiece& piece);
  void read_tag(TemplatePiece& piece);
  [[nodiscard]] std::size_t end_mark(bool statement) const;
  void read_token(TemplatePiece& piece);
  void read_operator(TemplatePiece& piece);

  std::string_view text_;
  std::size_t at_ = 0;
  std::string open_;  // brackets
};

/// What a string of a template means: its escapes read as Python reads them.
struct TemplateString {
  std::string text;
  bool hides_underscore = false;  ///< an escape stands for '_'
};
TemplateString decode_template_string(std::string_view spelled);

}  // namespace weigh::core
