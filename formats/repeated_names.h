#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace weigh::core {

/// Indices of names that occurred before, in ascending order. Sorted hashes instead of a set: one allocation for
/// 500,000 names, and no hostile choice of names makes it slower than a sort.
std::vector<std::size_t> repeated_names(std::span<const std::string_view> names);

}  // namespace weigh::core
