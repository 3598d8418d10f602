#pragma once

#include <cstdint>
#include <limits>

#include "formats/checked.h"

namespace weigh::core {

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

/// value * numerator / denominator, rounded down, 2^64 - 1 when it does not fit. The denominator is not 0.
constexpr std::uint64_t scaled(std::uint64_t value, std::uint64_t numerator, std::uint64_t denominator) {
  __extension__ using Wide = unsigned __int128;
  const Wide result = Wide{value} * numerator / denominator;
  const Wide most = std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(result < most ? result : most);
}

/// The product, 2^64 - 1 when it does not fit.
constexpr std::uint64_t times(std::uint64_t a, std::uint64_t b) { return scaled(a, b, 1); }

/// The quotient when it is whole; 0 otherwise and for a denominator of 0.
constexpr std::uint64_t whole_quotient(std::uint64_t numerator, std::uint64_t denominator) {
  return denominator != 0 && numerator % denominator == 0 ? numerator / denominator : 0;
}

}  // namespace weigh::core
