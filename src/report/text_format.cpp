#include "src/report/text_format.h"

#include <fmt/core.h>

#include <array>

namespace weigh::core {

std::string human_parameters(std::uint64_t parameters) {
  struct Scale {
    std::uint64_t from;  // where the unit below would round up to 1000
    double size;
    int decimals;
    std::string_view unit;
  };
  static constexpr std::array kScales{Scale{999'995'000'000, 1e12, 2, "T"}, Scale{999'950'000, 1e9, 2, "B"},
                                      Scale{999'950, 1e6, 1, "M"}, Scale{1000, 1e3, 1, "K"}};
  for (const Scale& scale : kScales) {
    if (parameters < scale.from) continue;
    return fmt::format("{:.{}f} {}", static_cast<double>(parameters) / scale.size, scale.decimals, scale.unit);
  }
  return std::to_string(parameters);
}

std::string disk_bytes(std::uint64_t bytes) {
  // Where the unit below would round up to 1024.
  const double gib = static_cast<double>(bytes) / kGiB;
  return gib < 1023.995 ? human_bytes(bytes) : fmt::format("{:.2f} TiB", gib / 1024);
}

std::string age_text(std::uint64_t seconds) {
  constexpr std::uint64_t kHour = 3600;
  constexpr std::uint64_t kDay = 24 * kHour;
  constexpr std::uint64_t kYear = 365 * kDay;
  if (seconds < 2 * kDay) return fmt::format("{} h", seconds / kHour);
  return seconds < 2 * kYear ? fmt::format("{} d", seconds / kDay) : fmt::format("{} y", seconds / kYear);
}

std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
  return digits;
}

std::string counted(std::uint64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(number), noun, number == 1 ? "" : "s");
}

std::string human_parameters(std::optional<std::uint64_t> parameters) {
  return parameters ? human_parameters(*parameters) : "unknown";
}

std::string grouped(std::optional<std::uint64_t> number) { return number ? grouped(*number) : "unknown"; }

}  // namespace weigh::core
