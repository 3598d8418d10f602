#include "src/audit/pickle.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "formats/little_endian.h"

namespace weigh::core {

namespace {

// The argument of an opcode (CPython: Lib/pickletools.py).
enum class Argument : std::uint8_t { Invalid, None, One, Two, Four, Eight, Line, TwoLines, Length1, Length4, Length8 };

constexpr std::array<Argument, 256> make_opcodes() {
  std::array<Argument, 256> table{};
  const auto set = [&](std::string_view opcodes, Argument argument) {
    for (const char c : opcodes) table[static_cast<unsigned char>(c)] = argument;
  };
  set("().012NQRabdelostu}]", Argument::None);
  set("\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98", Argument::None);
  set("Khq\x80\x82", Argument::One);
  set("M\x83", Argument::Two);
  set("Jjr\x84", Argument::Four);
  set("G\x95", Argument::Eight);
  set("FILPSVgp", Argument::Line);
  set("ci", Argument::TwoLines);
  set("UC\x8a\x8c", Argument::Length1);
  set("TXB\x8b", Argument::Length4);
  set("\x8d\x8e\x96", Argument::Length8);
  return table;
}
constexpr std::array<Argument, 256> kOpcodes = make_opcodes();

struct OpcodeScan {
  std::size_t opcodes = 0;
  bool stopped = false;  // at the opcode that ends a pickle
  bool invalid = false;
  bool imports = false;
  bool calls = false;
};

// Bytes of the argument at `at`; nothing when it does not end within the text.
std::optional<std::size_t> argument_bytes(Argument argument, std::string_view text, std::size_t at) {
  const auto number = [&](std::size_t width) -> std::optional<std::size_t> {
    if (text.size() - at < width) return std::nullopt;
    const std::uint64_t length = load_little_endian(text.substr(at, width));
    if (length > text.size() - at - width) return std::nullopt;
    return width + static_cast<std::size_t>(length);
  };
  const auto line = [&](std::size_t from) -> std::optional<std::size_t> {
    const auto end = text.find('\n', from);
    return end == std::string_view::npos ? std::nullopt : std::optional(end + 1 - at);
  };
  switch (argument) {
    case Argument::Invalid:
    case Argument::None: return 0;
    case Argument::One: return 1;
    case Argument::Two: return 2;
    case Argument::Four: return 4;
    case Argument::Eight: return 8;
    case Argument::Line: return line(at);
    case Argument::TwoLines: {
      const auto first = line(at);
      return first ? line(at + *first) : std::nullopt;
    }
    case Argument::Length1: return number(1);
    case Argument::Length4: return number(4);
    case Argument::Length8: return number(8);
  }
  return std::nullopt;
}

OpcodeScan scan_opcodes(std::string_view text) {
  OpcodeScan result;
  for (std::size_t at = 0; at < text.size();) {
    const char opcode = text[at++];
    const Argument argument = kOpcodes[static_cast<unsigned char>(opcode)];
    if (argument == Argument::Invalid) {
      result.invalid = true;
      return result;
    }
    const auto bytes = argument_bytes(argument, text, at);
    if (!bytes || *bytes > text.size() - at) return result;
    at += *bytes;
    ++result.opcodes;
    result.imports = result.imports || opcode == 'c' || opcode == 'i' || opcode == '\x93';
    result.calls = result.calls || opcode == 'R' || opcode == 'i' || opcode == 'o' || opcode == 'b' ||
                   opcode == '\x81' || opcode == '\x92';
    if (opcode == '.') {
      result.stopped = true;
      return result;
    }
  }
  return result;
}

}  // namespace

bool begins_like_pickle(std::string_view head) {
  if (head.starts_with("PK\x03\x04")) return head.find("data.pkl") != std::string_view::npos;
  if (head.starts_with("\x93NUMPY")) {
    const std::string_view description = head.substr(0, 256);
    return description.find("'|O") != std::string_view::npos || description.find("'O'") != std::string_view::npos;
  }
  const OpcodeScan result = scan_opcodes(head);
  if (result.invalid) return false;
  const bool has_protocol = head.size() >= 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5;
  if (has_protocol) return result.opcodes > 1;
  return result.stopped && result.imports && result.calls;  // protocols 0 and 1 look like other text
}

bool is_calling_pickle(std::string_view bytes) {
  const OpcodeScan result = scan_opcodes(bytes);
  return result.stopped && result.imports && result.calls;
}

}  // namespace weigh::core
