#include "src/report/escape.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <cstdint>

#include "src/report/code_point.h"

namespace weigh::core {
namespace {

/// Invisible or reordering characters: what a name in a table must not be able to do.
bool is_hidden(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x061C || c == 0x180E ||
         (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
         (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F);
}

/// "'naïve'" as "$'na\\303\\257ve'". Octal always has three digits, where what follows a hexadecimal one may be a digit.
std::string in_octal(std::string_view part) {
  std::string result = "$";
  for (const char c : part) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') {
      result += "\\\\";
    } else if (byte < 0x20 || byte >= 0x7F) {
      result += fmt::format("\\{:03o}", byte);
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace

std::string escaped(std::string_view text, bool unicode) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    const std::size_t bytes = std::max<std::size_t>(point.bytes, 1);
    if (point.bytes == 0 || (point.value < 0x80 && is_hidden(point.value))) {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else if (is_hidden(point.value) || (!unicode && point.value >= 0x80)) {
      result += fmt::format("\\u{{{:04x}}}", static_cast<std::uint32_t>(point.value));
    } else {
      result += text.substr(0, bytes);
    }
    text.remove_prefix(bytes);
  }
  return result;
}

std::string shell_escaped(std::string_view command, bool unicode) {
  std::string result;
  while (!command.empty()) {
    // Outside of quotes a "\\'" is a quote as such.
    const std::size_t open = command.find_first_of("'\\");
    if (open == std::string_view::npos) return result + escaped(command, unicode);
    result += escaped(command.substr(0, open), unicode);
    if (command[open] == '\\') {
      result += command.substr(open, 2);
      command.remove_prefix(std::min(open + 2, command.size()));
      continue;
    }
    const std::size_t close = std::min(command.find('\'', open + 1), command.size() - 1);
    const std::string_view part = command.substr(open, close + 1 - open);
    result += escaped(part, unicode) == part ? std::string(part) : in_octal(part);
    command.remove_prefix(close + 1);
  }
  return result;
}

std::string json_escaped(std::string json) {
  const auto plain = [](char c) { return static_cast<unsigned char>(c) < 0x7F; };
  if (std::all_of(json.begin(), json.end(), plain)) return json;
  std::string result;
  for (std::string_view text = json; !text.empty();) {
    const CodePoint point = first_code_point(text);
    const std::size_t bytes = std::max<std::size_t>(point.bytes, 1);
    const auto value = static_cast<std::uint32_t>(point.value);
    if (value < 0x7F || !is_hidden(point.value)) {
      result += text.substr(0, bytes);  // below 0x20 there are only the document's own line ends
    } else if (value < 0x10000) {
      result += fmt::format("\\u{:04x}", value);
    } else {
      result += fmt::format("\\u{:04x}\\u{:04x}", 0xD7C0 + (value >> 10), 0xDC00 + (value & 0x3FF));
    }
    text.remove_prefix(bytes);
  }
  return result;
}

std::string markdown_escaped(std::string_view text) {
  const std::string safe = escaped(text);
  const auto is_word = [&](std::size_t i) {
    return i < safe.size() && std::isalnum(static_cast<unsigned char>(safe[i])) != 0;
  };
  std::string result;
  for (std::size_t i = 0; i < safe.size(); ++i) {
    const char c = safe[i];
    const bool inside_word = c == '_' && i > 0 && is_word(i - 1) && is_word(i + 1);  // Q4_K needs no backslash
    if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else if (c == '&') {
      result += "&amp;";
    } else if (!inside_word && std::string_view("\\`*_[]|~#!@").find(c) != std::string_view::npos) {
      result += '\\';
      result += c;
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace weigh::core
