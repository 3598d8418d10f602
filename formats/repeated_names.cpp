#include "formats/repeated_names.h"

#include <algorithm>
#include <functional>
#include <tuple>

namespace weigh::core {

std::vector<std::size_t> repeated_names(std::span<const std::string_view> names) {
  struct Hashed {
    std::size_t hash;
    std::size_t index;
  };
  std::vector<Hashed> hashed(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) hashed[i] = {std::hash<std::string_view>{}(names[i]), i};
  std::ranges::sort(hashed, [&](const Hashed& a, const Hashed& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    return std::tie(names[a.index], a.index) < std::tie(names[b.index], b.index);
  });
  std::vector<std::size_t> repeated;
  for (std::size_t i = 1; i < hashed.size(); ++i) {
    const bool same = hashed[i].hash == hashed[i - 1].hash && names[hashed[i].index] == names[hashed[i - 1].index];
    if (same) repeated.push_back(hashed[i].index);
  }
  std::ranges::sort(repeated);
  return repeated;
}

}  // namespace weigh::core
