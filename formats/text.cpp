#include "formats/text.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "formats/checked.h"

namespace weigh::core {

namespace {

constexpr auto kSizeUnits = std::to_array<SizeUnit>({
    {"", "B", 1},
    {"b", "B", 1},
    {"kib", "KiB", std::uint64_t{1} << 10U},
    {"k", "KiB", std::uint64_t{1} << 10U},
    {"kb", "KB", 1'000},
    {"mib", "MiB", std::uint64_t{1} << 20U},
    {"m", "MiB", std::uint64_t{1} << 20U},
    {"mb", "MB", 1'000'000},
    {"gib", "GiB", std::uint64_t{1} << 30U},
    {"g", "GiB", std::uint64_t{1} << 30U},
    {"gb", "GB", 1'000'000'000},
    {"tib", "TiB", std::uint64_t{1} << 40U},
    {"t", "TiB", std::uint64_t{1} << 40U},
    {"tb", "TB", 1'000'000'000'000},
});

struct CountUnit {
  std::string_view written;
  std::size_t zeros;
};
constexpr auto kCountUnits = std::to_array<CountUnit>({{"", 0}, {"k", 3}, {"m", 6}, {"b", 9}, {"t", 12}});

constexpr char lower_letter(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Digits without their commas; nothing where commas do not separate groups of three, or there is anything else.
std::optional<std::string> without_grouping(std::string_view digits) {
  const bool is_grouped = digits.find(',') != std::string_view::npos;
  std::string plain;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const bool expects_comma = is_grouped && (digits.size() - i) % 4 == 0;
    if (expects_comma ? digits[i] != ',' || i == 0 : !is_digit(digits[i])) return std::nullopt;
    if (!expects_comma) plain += digits[i];
  }
  return plain;
}

}  // namespace

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), lower_letter);
  return result;
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower_letter, lower_letter);
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

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<std::uint64_t> parse_uint(std::string_view digits, int base) {
  std::uint64_t value = 0;
  const char* const last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, value, base);
  if (error != std::errc{} || end != last) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_scaled(std::string_view number, std::uint64_t unit) {
  constexpr std::size_t kMaxDigits = 6;  // 10^6 * 2^40 stays below 2^64
  const std::size_t point = number.find('.');
  const auto whole = parse_uint(number.substr(0, point));
  const auto product = whole ? checked_mul(*whole, unit) : std::nullopt;
  if (!product || point == std::string_view::npos) return product;

  const std::string_view digits = number.substr(point + 1);
  const auto fraction = digits.size() <= kMaxDigits ? parse_uint(digits) : std::nullopt;
  if (!fraction) return std::nullopt;
  std::uint64_t scale = 1;
  for (std::size_t i = 0; i < digits.size(); ++i) scale *= 10;
  return checked_add(*product, *fraction * unit / scale);
}

std::optional<WrittenSize> split_size(std::string_view text) {
  const std::string_view number = text.substr(0, text.find_first_not_of("0123456789."));
  std::string_view word = text.substr(number.size());
  word.remove_prefix(std::min(word.find_first_not_of(' '), word.size()));
  for (const SizeUnit& unit : kSizeUnits) {
    if (!number.empty() && same_letters(unit.written, word)) return WrittenSize{number, &unit};
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto size = split_size(text);
  return size ? parse_scaled(size->number, size->unit->bytes) : std::nullopt;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  const std::string_view number = text.substr(0, text.find_first_not_of("0123456789.,"));
  const std::string_view word = text.substr(number.size());
  std::optional<std::size_t> zeros;
  for (const CountUnit& unit : kCountUnits) {
    if (same_letters(unit.written, word)) zeros = unit.zeros;
  }
  const std::size_t point = std::min(number.size(), number.find('.'));
  const std::string_view fraction = number.substr(std::min(point + 1, number.size()));
  auto digits = without_grouping(number.substr(0, point));
  const bool no_fraction = point < number.size() && fraction.empty();
  if (!zeros || !digits || digits->empty() || no_fraction || fraction.size() > *zeros) return std::nullopt;
  *digits += fraction;
  digits->append(*zeros - fraction.size(), '0');
  return parse_uint(*digits);
}

}  // namespace weigh::core
