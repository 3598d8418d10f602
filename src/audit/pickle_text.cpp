#include "src/audit/pickle_text.h"

#include <algorithm>
#include <charconv>

#include "formats/little_endian.h"

namespace weigh::core {

namespace {

std::string_view counted(std::string_view bytes, std::size_t width) {
  if (bytes.size() < width) return {};
  const std::uint64_t length = load_little_endian(bytes.substr(0, width));
  return length > bytes.size() - width ? std::string_view() : bytes.substr(width, static_cast<std::size_t>(length));
}

struct Escape {
  std::size_t prefix;  // "\x", "\u", "\U", "\"
  std::size_t digits;
  int base;
};

Escape escape_at(std::string_view text) {
  if (text.size() < 2) return {0, 0, 16};
  switch (text[1]) {
    case 'x': return {2, 2, 16};
    case 'u': return {2, 4, 16};
    case 'U': return {2, 8, 16};
    default: break;
  }
  std::size_t digits = 0;
  while (digits < 3 && 1 + digits < text.size() && text[1 + digits] >= '0' && text[1 + digits] <= '7') ++digits;
  return {1, digits, 8};
}

}  // namespace

std::string without_escapes(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\\') {
      const Escape escape = escape_at(text.substr(at));
      const std::string_view digits = text.substr(std::min(at + escape.prefix, text.size()), escape.digits);
      unsigned value = 0;
      const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), value, escape.base);
      if (escape.digits > 0 && digits.size() == escape.digits && end.ptr == digits.data() + digits.size() &&
          value < 0x80) {
        plain += static_cast<char>(value);
        at += escape.prefix + escape.digits;
        continue;
      }
    }
    plain += text[at++];
  }
  return plain;
}

std::string pickle_string(std::string_view bytes) {
  if (bytes.empty()) return {};
  const char opcode = bytes[0];
  bytes.remove_prefix(1);
  switch (opcode) {
    case 'U':
    case '\x8c': return std::string(counted(bytes, 1));
    case 'T':
    case 'X': return std::string(counted(bytes, 4));
    case '\x8d': return std::string(counted(bytes, 8));
    case 'S':
    case 'V': break;
    default: return {};
  }
  const auto end = bytes.find('\n');
  if (end == std::string_view::npos) return {};
  std::string_view line = bytes.substr(0, end);
  if (opcode == 'S') {  // in quotes; blanks around them are allowed
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t')) line.remove_suffix(1);
    if (line.size() < 2) return {};
    line = line.substr(1, line.size() - 2);
  }
  return without_escapes(line);
}

}  // namespace weigh::core
