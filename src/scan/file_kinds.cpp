#include "src/scan/file_kinds.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace weigh::core {

bool is_unclear_name(std::string_view name) {
  return name.find('.') == std::string_view::npos || name.ends_with(".bin");
}

bool begins_with_gguf(const std::string& path) {
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  int file = -1;
#ifdef O_NOATIME
  file = ::open(path.c_str(), kFlags | O_NOATIME);  // a look is no use; granted to a file's owner alone
#endif
  if (file < 0) file = ::open(path.c_str(), kFlags);
  if (file < 0) return false;
  std::array<char, 4> head{};
  const bool read_whole = ::pread(file, head.data(), head.size(), 0) == static_cast<ssize_t>(head.size());
  ::close(file);
  const std::string_view magic(head.data(), head.size());
  return read_whole && magic == "GGUF";
}

}  // namespace weigh::core
