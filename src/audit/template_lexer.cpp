#include "src/audit/template_lexer.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

namespace weigh::core {

namespace {

bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// Bytes of letters beyond ASCII count as letters.
bool is_word(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return c == '_' || byte >= 0x80 || std::isalnum(byte) != 0;
}

bool begins_tag(std::string_view text) {
  return text.starts_with("{{") || text.starts_with("{%") || text.starts_with("{#");
}

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && is_blank(text[at])) ++at;
  return at;
}

// The end of "{% WORD %}" at `at` with any marks for blanks; nothing when something else is there.
std::optional<std::size_t> end_of_bare_tag(std::string_view text, std::size_t at, std::string_view word,
                                           std::string_view end_signs) {
  if (!text.substr(at).starts_with("{%")) return std::nullopt;
  at += 2;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  at = skip_blanks(text, at);
  if (!text.substr(at).starts_with(word)) return std::nullopt;
  at = skip_blanks(text, at + word.size());
  if (at < text.size() && end_signs.find(text[at]) != std::string_view::npos) ++at;
  if (!text.substr(at).starts_with("%}")) return std::nullopt;
  return at + 2;
}

void append_utf8(std::uint32_t code, std::string& out) {
  const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xC0 | code >> 6U);
    add(0x80 | (code & 0x3FU));
  } else if (code < 0x10000) {
    add(0xE0 | code >> 12U);
    add(0x80 | (code >> 6U & 0x3FU));
    add(0x80 | (code & 0x3FU));
  } else {
    add(0xF0 | code >> 18U);
    add(0x80 | (code >> 12U & 0x3FU));
    add(0x80 | (code >> 6U & 0x3FU));
    add(0x80 | (code & 0x3FU));
  }
}

// Exactly `most` digits for base 16, one to `most` for base 8.
std::optional<std::uint32_t> read_digits(std::string_view text, std::size_t& at, std::size_t most, int base) {
  std::uint32_t value = 0;
  std::size_t count = 0;
  for (; count < most && at + count < text.size(); ++count) {
    const char c = text[at + count];
    const bool fits = base == 16 ? std::isxdigit(static_cast<unsigned char>(c)) != 0 : c >= '0' && c <= '7';
    if (!fits) break;
    const int digit = is_digit(c) ? c - '0' : std::tolower(static_cast<unsigned char>(c)) - 'a' + 10;
    value = value * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(digit);
  }
  if (count == 0 || (base == 16 && count < most) || value > 0x10FFFF) return std::nullopt;
  at += count;
  return value;
}

constexpr std::uint32_t kUnknownCharacter = 0xFFFD;

// The characters of Python's \N{...} that names of members are made of; another one is not looked up.
std::uint32_t character_named(std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  constexpr auto kDigits =
      std::to_array<std::string_view>({"ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE"});
  if (name == "LOW LINE") return '_';
  if (name == "FULL STOP") return '.';
  const auto letter = [&](std::string_view kind) {
    return name.size() == kind.size() + 1 && name.starts_with(kind) && name.back() >= 'A' && name.back() <= 'Z';
  };
  if (letter("LATIN SMALL LETTER ")) return static_cast<std::uint32_t>(name.back() - 'A' + 'a');
  if (letter("LATIN CAPITAL LETTER ")) return static_cast<std::uint32_t>(name.back());
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    if (name == "DIGIT " + std::string(kDigits[i])) return static_cast<std::uint32_t>('0' + i);
  }
  return kUnknownCharacter;
}

// The character of a numbered or named escape; `at` is behind the backslash and moves behind the escape.
std::optional<std::uint32_t> read_escape(std::string_view text, std::size_t& at) {
  const char kind = text[at];
  std::size_t digits = at + 1;
  std::optional<std::uint32_t> code;
  if (kind == 'x') code = read_digits(text, digits, 2, 16);
  if (kind == 'u') code = read_digits(text, digits, 4, 16);
  if (kind == 'U') code = read_digits(text, digits, 8, 16);
  if (kind >= '0' && kind <= '7') {
    digits = at;
    code = read_digits(text, digits, 3, 8);
  }
  constexpr std::size_t kLongestName = 100;
  if (kind == 'N' && text.substr(digits).starts_with('{')) {
    const std::size_t end = text.substr(digits, kLongestName).find('}');
    if (end == std::string_view::npos) return std::nullopt;
    code = character_named(std::string(text.substr(digits + 1, end - 1)));
    digits += end + 1;
  }
  if (code) at = digits;
  return code;
}

}  // namespace

TemplateString decode_template_string(std::string_view spelled) {
  constexpr std::string_view kLetters = "abfnrtv\\'\"\n";
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"";
  TemplateString decoded;
  for (std::size_t at = 0; at < spelled.size();) {
    if (spelled[at] != '\\' || at + 1 == spelled.size()) {
      decoded.text += spelled[at++];
      continue;
    }
    ++at;
    if (const std::size_t letter = kLetters.find(spelled[at]); letter != std::string_view::npos) {
      if (letter < kMeanings.size()) decoded.text += kMeanings[letter];  // a line's end is left out
      ++at;
    } else if (const auto code = read_escape(spelled, at)) {
      decoded.hides_underscore = decoded.hides_underscore || *code == '_';
      append_utf8(*code, decoded.text);
    } else {
      decoded.text += '\\';  // Python keeps what it does not know
    }
  }
  return decoded;
}

bool TemplateLexer::next(TemplatePiece& piece) {
  piece.tokens.clear();
  piece.text = {};
  while (at_ < text_.size()) {
    const std::size_t begin = at_;
    std::size_t mark = text_.find('{', at_);
    while (mark != std::string_view::npos && !begins_tag(text_.substr(mark))) mark = text_.find('{', mark + 1);
    if (mark != begin) {
      at_ = std::min(mark, text_.size());
      piece.kind = TemplatePiece::Kind::Text;
      piece.text = text_.substr(begin, at_ - begin);
      return true;
    }
    if (text_[at_ + 1] == '#') {
      const auto end = text_.find("#}", at_ + 2);
      at_ = end == std::string_view::npos ? text_.size() : end + 2;
    } else if (read_raw(piece)) {
      return true;
    } else {
      read_tag(piece);
      return true;
    }
  }
  return false;
}

bool TemplateLexer::read_raw(TemplatePiece& piece) {
  const auto begin = end_of_bare_tag(text_, at_, "raw", "-");
  if (!begin) return false;
  piece.kind = TemplatePiece::Kind::Text;
  at_ = text_.size();
  piece.text = text_.substr(*begin);
  for (std::size_t at = text_.find("{%", *begin); at != std::string_view::npos; at = text_.find("{%", at + 1)) {
    if (const auto end = end_of_bare_tag(text_, at, "endraw", "-+")) {
      piece.text = text_.substr(*begin, at - *begin);
      at_ = *end;
      break;
    }
  }
  return true;
}

// The length of the tag's end here, or 0.
std::size_t TemplateLexer::end_mark(bool statement) const {
  const std::string_view rest = text_.substr(at_);
  if (statement && (rest.starts_with("-%}") || rest.starts_with("+%}"))) return 3;
  if (!statement && rest.starts_with("-}}")) return 3;
  return rest.starts_with(statement ? "%}" : "}}") ? 2 : 0;
}

void TemplateLexer::read_tag(TemplatePiece& piece) {
  const bool statement = text_[at_ + 1] == '%';
  piece.kind = statement ? TemplatePiece::Kind::Statement : TemplatePiece::Kind::Output;
  at_ += 2;
  if (at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+') && end_mark(statement) == 0) ++at_;
  open_.clear();
  while (at_ < text_.size()) {
    if (const std::size_t end = open_.empty() ? end_mark(statement) : 0; end > 0) {
      at_ += end;
      return;
    }
    if (is_blank(text_[at_])) {
      ++at_;
    } else {
      read_token(piece);
    }
  }
}

void TemplateLexer::read_token(TemplatePiece& piece) {
  using Kind = TemplateToken::Kind;
  const std::size_t begin = at_;
  const char c = text_[at_];
  if (c == '\'' || c == '"') {
    do {
      at_ += text_[at_] == '\\' ? 2 : 1;
    } while (at_ < text_.size() && text_[at_] != c);
    const std::size_t end = std::min(at_, text_.size());
    at_ = std::min(at_ + 1, text_.size());
    piece.tokens.push_back({Kind::String, text_.substr(begin + 1, end - begin - 1), text_.substr(begin, at_ - begin)});
  } else if (is_word(c)) {
    const bool number = is_digit(c);
    while (at_ < text_.size() &&
           (is_word(text_[at_]) || (number && text_[at_] == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]) &&
                                    !piece.tokens.empty() && piece.tokens.back().text != "."))) {
      ++at_;
    }
    const std::string_view word = text_.substr(begin, at_ - begin);
    piece.tokens.push_back({number ? Kind::Number : Kind::Name, word, word});
  } else {
    read_operator(piece);
  }
}

void TemplateLexer::read_operator(TemplatePiece& piece) {
  const char c = text_[at_];
  if (c == '(' || c == '[' || c == '{') open_ += c;
  if (c == ')' || c == ']' || c == '}') {
    const char opener = c == ')' ? '(' : c == ']' ? '[' : '{';
    if (!open_.empty() && open_.back() != opener) {
      open_.clear();  // Jinja stops here; the tag's end may follow
      return;
    }
    if (!open_.empty()) open_.pop_back();
  }
  constexpr auto kLong = std::to_array<std::string_view>({"//", "**", "==", "!=", ">=", "<="});
  const std::string_view two = text_.substr(at_, 2);
  const std::size_t length = std::ranges::find(kLong, two) != kLong.end() ? 2 : 1;
  const std::string_view word = text_.substr(at_, length);
  piece.tokens.push_back({TemplateToken::Kind::Operator, word, word});
  at_ += length;
}

}  // namespace weigh::core
