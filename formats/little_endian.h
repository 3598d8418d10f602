#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace weigh::core {

/// Up to 8 bytes as a number, the lowest byte first.
inline std::uint64_t load_little_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8U | std::to_integer<std::uint64_t>(bytes[i]);
  return value;
}
inline std::uint64_t load_little_endian(std::string_view bytes) {
  return load_little_endian(std::as_bytes(std::span(bytes)));
}

/// The bytes of a number, the lowest first.
template <typename T>
constexpr std::array<std::byte, sizeof(T)> little_endian_bytes(T value) {
  std::array<std::byte, sizeof(T)> bytes{};
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes[i] = static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xFFU);
  }
  return bytes;
}

}  // namespace weigh::core
