#include "src/scan/first_name_wins.h"

#include <algorithm>
#include <utility>

namespace weigh::core {

void FirstNames::claim(FoundFile& file) { file.first = files_.emplace(file.stamp.device, file.stamp.inode).second; }

void FirstNames::claim_hard_links_before(const std::string& name, PendingFolder& pending) {
  auto& files = pending.found.files;
  const auto end = std::ranges::find_if(pending.hard_links, [&](std::size_t i) { return files[i].name > name; });
  for (auto i = pending.hard_links.begin(); i != end; ++i) claim(files[*i]);
  pending.hard_links.erase(pending.hard_links.begin(), end);
}

void FirstNames::claim_hard_links(PendingFolder& pending) {
  for (const std::size_t i : std::exchange(pending.hard_links, {})) claim(pending.found.files[i]);
}

void FirstNames::claim_links(PendingFolder& pending) {
  for (const std::size_t i : std::exchange(pending.links, {})) claim(pending.found.files[i]);
}

}  // namespace weigh::core
