#include "formats/unique.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <tuple>

namespace weigh::core {

std::vector<std::size_t> repeated_names(std::span<const std::string_view> names) {
  struct Hashed {
    std::size_t hash;
    std::size_t index;
  };
  std::vector<Hashed> hashed(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) hashed[i] = {std::hash<std::string_view>{}(names[i]), i};
  std::ranges::sort(hashed, [&](const Hashed& a, const Hashed& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    return std::tie(names[a.index], a.index) < std::tie(names[b.index], b.index);
  });
  std::vector<std::size_t> repeated;
  for (std::size_t i = 1; i < hashed.size(); ++i) {
    const bool same = hashed[i].hash == hashed[i - 1].hash && names[hashed[i].index] == names[hashed[i - 1].index];
    if (same) repeated.push_back(hashed[i].index);
  }
  std::ranges::sort(repeated);
  return repeated;
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
    if (byte < 0xC2 || byte > 0xF4 || i + length > text.size()) return false;
    std::uint32_t code = byte & (0xFFU >> (length + 1));
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0U) != 0x80U) return false;
      code = (code << 6U) | (next & 0x3FU);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    if (overlong || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    i += length;
  }
  return true;
}

}  // namespace weigh::core
