#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

/// The words of a query, parted by spaces, in lower case.
std::vector<std::string> lower_words(std::string_view text);

/// How many letters must change, appear or vanish to turn one word into the other (Levenshtein).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The one of `words` that was probably meant by `written`: a third of its letters may be wrong, two may have changed
/// places, or the end may be missing. Case, hyphens, underscores and points do not matter. Empty when none is near.
std::string nearest_word(std::string_view written, std::span<const std::string> words);

/// "; did you mean Q4_K_M?", or nothing.
std::string did_you_mean(std::string_view written, std::span<const std::string> words);

}  // namespace weigh::core
