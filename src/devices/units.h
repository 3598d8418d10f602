#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weigh::core {

inline constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

/// "24.62 GiB", "7.0 MiB", "1.2 KiB", "512 bytes": a size for people. GiB is the largest unit, so that sizes compare at
/// a glance.
std::string human_bytes(std::uint64_t bytes);

/// "24" or "1.5" times `unit` (up to 2^40), rounded down; at most six digits after the point. Nothing when `number` is
/// anything else or the product does not fit in 64 bits. Integers throughout: a size is never a float.
std::optional<std::uint64_t> parse_scaled(std::string_view number, std::uint64_t unit);

}  // namespace weigh::core
