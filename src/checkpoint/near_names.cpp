#include "src/checkpoint/near_names.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "formats/text.h"
#include "src/source/file_names.h"

namespace weigh::core {

namespace {

constexpr std::size_t kLongest = 200;    // no model has a longer name
constexpr std::size_t kLeastInside = 3;  // letters that say something of a name that has them
constexpr std::size_t kLettersPerEdit = 4;

// How many letters are changed, added or left out (Levenshtein).
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

// The model alone, without who made it and without a tag.
std::string_view model_part(std::string_view name) {
  const std::string_view base = base_name(name);
  return base.substr(0, base.find(':'));
}

// 0 for the same; nothing for names that are not near each other. Both in lower case.
std::optional<std::size_t> distance(std::string_view wanted, std::string_view name) {
  if (wanted == name) return 0;
  const auto inside = [](std::string_view part, std::string_view whole) {
    return part.size() >= kLeastInside && whole.find(part) != std::string_view::npos;
  };
  if (inside(model_part(wanted), name) || inside(model_part(name), wanted)) return 1;
  const std::size_t changed = std::min(edits(wanted, name), edits(model_part(wanted), model_part(name)) + 1);
  return changed <= wanted.size() / kLettersPerEdit ? std::optional(changed + 1) : std::nullopt;
}

}  // namespace

std::vector<std::string> near_names(std::string_view wanted, const std::vector<std::string>& names, std::size_t most) {
  std::vector<std::pair<std::size_t, std::string>> near;
  if (wanted.size() > kLongest) return {};
  for (const std::string& name : names) {
    if (name.size() > kLongest) continue;
    if (const auto far = distance(lower(wanted), lower(name))) near.emplace_back(*far, name);
  }
  std::ranges::sort(near);
  std::vector<std::string> nearest;
  for (auto& [far, name] : near) {
    if (nearest.size() < most) nearest.push_back(std::move(name));
  }
  return nearest;
}

}  // namespace weigh::core
