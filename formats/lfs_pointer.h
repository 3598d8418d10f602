#pragma once

#include <optional>
#include <string_view>

namespace weigh::core {

/// What a git-lfs pointer says: the text file that stands in a repository for a large one until `git lfs pull` has
/// fetched that. Specified at https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
struct LfsPointer {
  std::string_view oid;   ///< "sha256:HEX"; empty where the pointer has none
  std::string_view size;  ///< of the large file in bytes, digits alone; empty where the pointer has none
};

/// The pointer at the beginning of a file; nothing when it is something else.
std::optional<LfsPointer> read_lfs_pointer(std::string_view head);

}  // namespace weigh::core
