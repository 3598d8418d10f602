#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/checkpoint/resolved_path.h"

namespace weigh::core {

/// Whether it is a reference to what lies on a server: "hf://...", "https://...". Likewise for what begins like one and is
/// none, which is told when it is resolved.
bool is_remote(const std::string& named);

/// What a remote reference names, before any model file is opened. Throws Error.
ResolvedPath resolve_remote(const std::string& named);

/// The folders with models below what a remote reference names; of a file, its own with nothing but its set. Throws Error.
std::vector<Folder> remote_folders(const std::string& named);

/// How many bytes of weights lie below what a remote reference names. Throws Error.
std::uint64_t remote_weight_bytes(const std::string& named);

}  // namespace weigh::core
