#include "src/devices/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "formats/checked.h"

namespace weigh::core {

namespace {

std::optional<std::uint64_t> parse_digits(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string human_bytes(std::uint64_t bytes) {
  // Each threshold lies where the unit below would round up to 1024.
  const auto size = static_cast<double>(bytes);
  if (size >= 1023.95 * kMiB) return fmt::format("{:.2f} GiB", size / kGiB);
  if (size >= 1023.95 * 1024) return fmt::format("{:.1f} MiB", size / kMiB);
  if (bytes >= 1024) return fmt::format("{:.1f} KiB", size / 1024);
  return fmt::format("{} byte{}", bytes, bytes == 1 ? "" : "s");
}

std::optional<std::uint64_t> parse_scaled(std::string_view number, std::uint64_t unit) {
  constexpr std::size_t kMaxDigits = 6;  // 10^6 * 2^40 stays below 2^64
  const std::size_t point = number.find('.');
  const auto whole = parse_digits(number.substr(0, point));
  const auto product = whole ? checked_mul(*whole, unit) : std::nullopt;
  if (!product || point == std::string_view::npos) return product;

  const std::string_view digits = number.substr(point + 1);
  const auto fraction = digits.size() <= kMaxDigits ? parse_digits(digits) : std::nullopt;
  if (!fraction) return std::nullopt;
  std::uint64_t scale = 1;
  for (std::size_t i = 0; i < digits.size(); ++i) scale *= 10;
  return checked_add(*product, *fraction * unit / scale);
}

}  // namespace weigh::core
