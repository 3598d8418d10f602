#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace weigh::core {

/// Indices of names that occurred before, in ascending order.
std::vector<std::size_t> repeated_names(std::span<const std::string_view> names);

}  // namespace weigh::core
