#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

// The cache of headers: one snapshot for each file that was read from a server, and each list of a repository, in
// $XDG_CACHE_HOME/weigh. Nothing depends on it: what is damaged, or cannot be written, is as if it were not there.

inline constexpr std::uint64_t kMostCacheBytes = std::uint64_t{256} << 20U;

/// What is kept of one file.
struct CachedHead {
  std::uint64_t file_bytes = 0;
  std::string head;
};

/// By what tells the content from any other: "sha256:HEX", an address with its ETag.
std::optional<CachedHead> cached_head(const std::string& identity);

/// `shown`: what `weigh cache` calls it.
void cache_head(const std::string& identity, const std::string& shown, std::uint64_t file_bytes, std::string_view head);

struct CacheEntry {
  std::string shown;
  std::uint64_t bytes = 0;       ///< in the cache
  std::uint64_t file_bytes = 0;  ///< of what it is the beginning of
  std::int64_t used = 0;         ///< seconds since 1970
};

/// The folder; empty where the environment names none.
std::string cache_folder();

/// What is in it, what was used last first.
std::vector<CacheEntry> list_cache();

/// Removes all of it, and nothing else that may lie there; returns the bytes that were freed. Throws IoError.
std::uint64_t clear_cache();

}  // namespace weigh::core
