#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weigh::core {

/// What a pattern found in a line: views into it.
struct Captures {
  static constexpr std::size_t kMost = 8;
  std::array<std::string_view, kMost> words;
  std::size_t count = 0;
  std::string_view before;  ///< what stands before the match

  std::string_view operator[](std::size_t i) const { return i < count ? words[i] : std::string_view(); }

  /// The name before a ':' right in front of the match: "llama_context" of "I llama_context: n_ctx = 8". Empty: none.
  [[nodiscard]] std::string_view function() const;
};

/// Where a pattern stands in a line, wherever it begins. In a pattern a space is any white space, ~ is some or
/// none, and
///
///     %w    a word, which ends at white space or where the pattern goes on
///     %n    a number: -1.44, 420,880
///     %t    any text up to where the pattern goes on, or to the end of the line
///
/// It begins with letters, or with "%w " and letters.
std::optional<Captures> find_pattern(std::string_view line, std::string_view pattern);

/// A number as a program printed it, rounded: it stood for something from value - below to value + above.
struct Printed {
  std::int64_t value = 0;
  std::int64_t below = 0;
  std::int64_t above = 0;

  friend bool operator==(const Printed&, const Printed&) = default;

  /// How far `figure` is from all that the number may stand for; 0 within.
  [[nodiscard]] std::int64_t away(std::int64_t figure) const;
};

/// Stays within 64 bits.
Printed sum(const Printed& a, const Printed& b);

/// "-1.44" or "420,880" times `unit`, to the nearest whole. A number with a point, and one of a unit, may be half of its
/// last digit off; a number that counts is what it is. Nothing for what is no number or not below 2^60.
std::optional<Printed> printed_number(std::string_view text, std::uint64_t unit = 1);

/// Likewise of whole units that were rounded down.
std::optional<Printed> printed_whole(std::string_view text, std::uint64_t unit);

}  // namespace weigh::core
