#include "src/devices/text.h"

#include <algorithm>
#include <numeric>

#include "formats/text.h"

namespace weigh::core {

std::vector<std::string> lower_words(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n";
  std::vector<std::string> words;
  std::size_t begin = text.find_first_not_of(kSpaces);
  while (begin != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_of(kSpaces, begin), text.size());
    words.push_back(lower(text.substr(begin, end - begin)));
    begin = text.find_first_not_of(kSpaces, end);
  }
  return words;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);  // distances of a's beginning so far to every beginning of b
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

std::string nearest_word(std::string_view written, std::span<const std::string> words) {
  constexpr std::size_t kLongest = 64;  // no word that is offered comes near it
  if (written.empty() || written.size() > kLongest) return {};
  const auto bare = [](std::string_view word) {
    std::string text = lower(word);
    std::erase_if(text, [](char c) { return c == '-' || c == '_' || c == '.'; });
    return text;
  };
  const std::string asked = bare(written);
  const auto letters = [](std::string word) {
    std::ranges::sort(word);
    return word;
  };
  std::string nearest;
  std::size_t least = std::max<std::size_t>(1, asked.size() / 3) + 1;
  for (const std::string& word : words) {
    const std::string candidate = bare(word);
    std::size_t distance = edit_distance(asked, candidate);
    const bool swapped = distance == 2 && letters(asked) == letters(candidate);
    const bool begun = asked.size() >= 3 && candidate.starts_with(asked);
    if (swapped || begun) distance = std::min<std::size_t>(distance, 1);
    if (distance >= least) continue;
    least = distance;
    nearest = word;
  }
  return nearest;
}

std::string did_you_mean(std::string_view written, std::span<const std::string> words) {
  const std::string nearest = nearest_word(written, words);
  return nearest.empty() ? "" : "; did you mean " + nearest + "?";
}

}  // namespace weigh::core
