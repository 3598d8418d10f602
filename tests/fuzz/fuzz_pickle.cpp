// What a file runs when it is loaded. A second, naive walk goes along opcodes of fixed and counted arguments: what it sees
// imported on its way to the end must be in the list.
#include <algorithm>

#include "src/audit/loaded_code.h"

using namespace weigh::core;

namespace {

// The imports of a pickle that has a protocol in front, or nothing when the walk does not come to its end.
std::vector<std::string> imports_of(std::string_view text) {
  std::vector<std::string> imports;
  if (text.size() < 3 || text[0] != '\x80' || text[1] < 2 || text[1] > 5) return {};
  std::size_t at = 2;
  const auto line = [&]() -> std::string {
    const auto end = text.find('\n', at);
    if (end == std::string_view::npos) {
      at = text.size();
      return {};
    }
    const std::string found(text.substr(at, end - at));
    at = end + 1;
    return found;
  };
  while (at < text.size()) {
    switch (const char opcode = text[at++]; opcode) {
      case '.': return imports;
      case 'c': {
        const std::string module = line();
        imports.push_back(module + '.' + line());
        break;
      }
      case 'K':
      case 'q':
      case 'h': at += 1; break;
      case 'M': at += 2; break;
      case 'X': {
        if (text.size() - at < 4) return {};
        std::size_t length = 0;
        for (int i = 3; i >= 0; --i)
          length = length * 256 + static_cast<unsigned char>(text[at + static_cast<std::size_t>(i)]);
        if (length > text.size() - at - 4) return {};
        at += 4 + length;
        break;
      }
      case '(':
      case ')':
      case '}':
      case ']':
      case 'N':
      case 't':
      case 'R':
      case 's':
      case 'a':
      case 'u':
      case 'e':
      case 'b':
      case '0': break;
      default: return {};
    }
  }
  return {};
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() < 200 && (text[0] < '0' || text[0] > '9') &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  MemorySource source(std::as_bytes(std::span(data, size)));
  std::uint64_t left = std::uint64_t{1} << 26U;
  const LoadedCode code = find_loaded_code(source, left);
  if (!code.pickles.dangerous.empty() && !code.pickles.is_pickle) __builtin_trap();
  const std::vector<std::string> expected = imports_of(text);
  if (expected.size() > 64) return 0;
  MemorySource again(std::as_bytes(std::span(data, size)));
  const PickleScan scan = scan_pickles(again);
  for (const std::string& import : expected) {
    const auto dot = import.find('.');
    if (!is_name(import.substr(0, dot)) || !is_name(import.substr(dot + 1))) continue;
    if (std::ranges::find(scan.imports, import) == scan.imports.end()) __builtin_trap();
  }
  return 0;
}
