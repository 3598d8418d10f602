#pragma once

#include <cstdint>
#include <string>

namespace weigh::core {

inline constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
inline constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

/// "24.62 GiB", "7.0 MiB", "1.2 KiB", "512 bytes": a size for people. GiB is the largest unit, so that sizes compare at
/// a glance.
std::string human_bytes(std::uint64_t bytes);

}  // namespace weigh::core
