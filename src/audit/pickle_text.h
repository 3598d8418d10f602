#pragma once

#include <string>
#include <string_view>

namespace weigh::core {

/// The value of the string opcode (S, T, U, V, X, BINUNICODE...) at the start of the bytes, escapes resolved. Empty where
/// it does not end within them, or is no such opcode.
std::string pickle_string(std::string_view bytes);

/// The text with its escapes \xHH, \uHHHH, \ooo replaced, as far as they stand for ASCII characters.
std::string without_escapes(std::string_view text);

}  // namespace weigh::core
