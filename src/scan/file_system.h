#pragma once

#include <string>

namespace weigh::core {

// What kind of file system a path is in. Both are false where that cannot be asked.

/// Whether the folder shows the kernel's own data as files (proc, sys, cgroup, ...): there are no models in it, and
/// reading it may have effects or have no end.
bool is_kernel_folder(const std::string& path);

/// Whether several machines may write there at once, which then share no memory.
bool is_shared_by_machines(const std::string& path);

}  // namespace weigh::core
