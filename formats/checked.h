#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>

namespace weigh::core {

/// A number of bytes that may not be known, or not fit in 64 bits.
using Bytes = std::optional<std::uint64_t>;

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

// Bytes that cannot be told: nothing as soon as one of them is nothing, or when the result does not fit in 64 bits.

constexpr Bytes plus(Bytes a, Bytes b) { return a && b ? checked_add(*a, *b) : std::nullopt; }
constexpr Bytes times(Bytes a, Bytes b) { return a && b ? checked_mul(*a, *b) : std::nullopt; }

constexpr Bytes product(std::initializer_list<std::uint64_t> factors) {
  Bytes result = 1;
  for (const std::uint64_t factor : factors) result = times(result, Bytes(factor));
  return result;
}

// Figures that are always there: they stay at 2^64 - 1, or at 0, where the result would not fit. A stranger's figure
// that is too large stays too large.

constexpr std::uint64_t plus(std::uint64_t a, std::uint64_t b) {
  return checked_add(a, b).value_or(std::numeric_limits<std::uint64_t>::max());
}
constexpr std::uint64_t times(std::uint64_t a, std::uint64_t b) {
  return checked_mul(a, b).value_or(std::numeric_limits<std::uint64_t>::max());
}
constexpr std::uint64_t minus(std::uint64_t a, std::uint64_t b) { return a - std::min(a, b); }

/// How far two figures are from each other.
constexpr std::uint64_t apart(std::uint64_t a, std::uint64_t b) { return std::max(a, b) - std::min(a, b); }

/// Nothing when either is; else the sum, which stays at 2^64 - 1 where it would not fit.
constexpr Bytes saturating_plus(Bytes a, Bytes b) { return a && b ? Bytes(plus(*a, *b)) : std::nullopt; }

/// value * numerator / denominator, rounded down, 2^64 - 1 when it does not fit. The denominator is not 0.
constexpr std::uint64_t scaled(std::uint64_t value, std::uint64_t numerator, std::uint64_t denominator) {
  __extension__ using Wide = unsigned __int128;
  const Wide result = Wide{value} * numerator / denominator;
  const Wide most = std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(result < most ? result : most);
}

/// The quotient rounded up. The denominator is not 0.
constexpr std::uint64_t divided_up(std::uint64_t value, std::uint64_t denominator) {
  return value / denominator + (value % denominator == 0 ? 0 : 1);
}

/// The quotient when it is whole; 0 otherwise and for a denominator of 0.
constexpr std::uint64_t whole_quotient(std::uint64_t numerator, std::uint64_t denominator) {
  return denominator != 0 && numerator % denominator == 0 ? numerator / denominator : 0;
}

/// A sum over a stranger's figures: stays at 2^64 - 1 once it would not fit, and remembers that.
struct SaturatingSum {
  std::uint64_t value = 0;
  bool overflowed = false;

  void add(std::uint64_t addend) {
    const auto sum = checked_add(value, addend);
    overflowed = overflowed || !sum;
    value = sum.value_or(std::numeric_limits<std::uint64_t>::max());
  }
};

}  // namespace weigh::core
