#include "src/devices/units.h"

#include <fmt/format.h>

namespace weigh::core {

std::string human_bytes(std::uint64_t bytes) {
  // Each threshold lies where the unit below would round up to 1024.
  const auto size = static_cast<double>(bytes);
  if (size >= 1023.95 * kMiB) return fmt::format("{:.2f} GiB", size / kGiB);
  if (size >= 1023.95 * 1024) return fmt::format("{:.1f} MiB", size / kMiB);
  if (bytes >= 1024) return fmt::format("{:.1f} KiB", size / 1024);
  return fmt::format("{} byte{}", bytes, bytes == 1 ? "" : "s");
}

}  // namespace weigh::core
