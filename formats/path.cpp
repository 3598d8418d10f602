#include "formats/path.h"

#include <algorithm>

namespace weigh::core {

bool stays_inside(std::string_view name) {
  constexpr std::string_view kRefused("\\\0", 2);
  if (name.find("://") != std::string_view::npos || name.find_first_of(kRefused) != std::string_view::npos)
    return false;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.empty() || part == "..") return false;  // an absolute path begins with an empty part
    begin = end + 1;
  }
  return true;
}

}  // namespace weigh::core
