#include "formats/repeated_names.h"

#include "formats/name_index.h"

namespace weigh::core {

std::vector<std::size_t> repeated_names(std::span<const std::string_view> names) {
  std::vector<std::size_t> repeated;
  NameIndex index(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::size_t known = index.names().size();
    if (index.id(names[i]) < known) repeated.push_back(i);
  }
  return repeated;
}

}  // namespace weigh::core
