#include "src/source/hub_cache.h"

#include <span>

#include "formats/byte_source.h"
#include "formats/error.h"
#include "formats/text.h"

namespace weigh::core {

std::string main_commit(const std::string& repository_folder) {
  constexpr std::size_t kMax = 256;
  try {
    FileSource file(repository_folder + "/refs/main");
    if (file.size() > kMax) return {};
    std::string commit(static_cast<std::size_t>(file.size()), '\0');
    file.read(0, std::as_writable_bytes(std::span(commit)));
    commit.erase(commit.find_last_not_of(" \n\r\t") + 1);
    return is_hex(commit) ? commit : std::string();
  } catch (const Error&) {
    return {};
  }
}

}  // namespace weigh::core
