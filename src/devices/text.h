#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

/// The words of a query, parted by spaces, in lower case.
std::vector<std::string> lower_words(std::string_view text);

/// How many letters must change, appear or vanish to turn one word into the other (Levenshtein).
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace weigh::core
