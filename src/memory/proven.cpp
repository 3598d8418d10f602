#include "src/memory/proven.h"

#include <algorithm>
#include <array>

namespace weigh::core {

namespace {

constexpr auto kProven = std::to_array<std::string_view>({
#include "src/memory/proven.inc"
});

}  // namespace

bool proven_by_runs(std::string_view architecture) { return std::ranges::binary_search(kProven, architecture); }

}  // namespace weigh::core
