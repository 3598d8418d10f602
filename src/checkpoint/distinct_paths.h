#pragma once

#include <string>
#include <vector>

namespace weigh::core {

/// The paths without those that name once more what an earlier one names: another part of its set, its index, another
/// spelling, a link. In their order, as they are spelt. A folder stands for itself alone. What cannot be looked at stays:
/// who opens it says why.
std::vector<std::string> distinct_paths(const std::vector<std::string>& paths);

}  // namespace weigh::core
