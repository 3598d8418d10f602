#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weigh::core {

/// ASCII letters in lower case, every other byte as it is.
std::string lower(std::string_view text);

/// Whether the texts are equal when ASCII letters are compared without regard to case.
bool same_letters(std::string_view a, std::string_view b);

/// Whether the text is valid UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

/// Whether it is hexadecimal digits, lower case, and at least one.
bool is_hex(std::string_view text);

/// Digits alone, as a number; nothing for an empty text, any other character or a number of more than 64 bits.
/// `base` is 10 or 16.
std::optional<std::uint64_t> parse_uint(std::string_view digits, int base = 10);

/// "24" or "1.5" times `unit` (up to 2^40), rounded down; at most six digits after the point. Nothing when `number` is
/// anything else or the product does not fit in 64 bits. Integers throughout: a size is never a float.
std::optional<std::uint64_t> parse_scaled(std::string_view number, std::uint64_t unit);

/// A unit of memory. A lone letter is binary, as with every tool that prints memory sizes; "GB" is decimal, as with
/// those that sell them.
struct SizeUnit {
  std::string_view written;  ///< in lower case: "gib", "g", "gb", "b", ""
  std::string_view name;     ///< "GiB"
  std::uint64_t bytes;
};

/// A size as it was written. Whether the number is one is not yet known.
struct WrittenSize {
  std::string_view number;
  const SizeUnit* unit;
};

/// "24GiB", "1.5 tb", "1024" as a number and its unit; nothing when it does not begin with a digit or the unit is none.
std::optional<WrittenSize> split_size(std::string_view text);

/// "8GiB", "500MB", "1024": bytes. Nothing when it is no size, or one that does not fit in 64 bits.
std::optional<std::uint64_t> parse_size(std::string_view text);

/// "46.7B", "350M", "46,702,792,704": a count with a decimal unit K, M, B or T, exact or not at all: "1.5" and
/// "1.2345K" are no counts.
std::optional<std::uint64_t> parse_count(std::string_view text);

}  // namespace weigh::core
