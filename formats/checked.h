#pragma once

#include <cstdint>
#include <optional>

namespace weigh::core {

/// a + b, or nothing when the sum does not fit in 64 bits.
constexpr std::optional<std::uint64_t> checked_add(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

/// a * b, or nothing when the product does not fit in 64 bits.
constexpr std::optional<std::uint64_t> checked_mul(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

/// `value` rounded up to a multiple of `multiple` (not 0), or nothing when that does not fit in 64 bits.
constexpr std::optional<std::uint64_t> checked_round_up(std::uint64_t value, std::uint64_t multiple) {
  const std::uint64_t rest = value % multiple;
  if (rest == 0) return value;
  return checked_add(value, multiple - rest);
}

}  // namespace weigh::core
