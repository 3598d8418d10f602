#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

/// Of the names, those that a user may have meant by `wanted`, the nearest first and at most `most`: with the same
/// letters, one in the other, or with few letters changed. Letter case does not count.
std::vector<std::string> near_names(std::string_view wanted, const std::vector<std::string>& names, std::size_t most);

}  // namespace weigh::core
