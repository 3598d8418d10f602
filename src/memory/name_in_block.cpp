#include "src/memory/name_in_block.h"

#include <algorithm>

namespace weigh::core {

std::string_view name_in_block(std::string_view name) {
  constexpr std::string_view kBlock = "blk.";
  if (!name.starts_with(kBlock)) return {};
  return name.substr(std::min(name.find('.', kBlock.size()), name.size() - 1) + 1);
}

}  // namespace weigh::core
