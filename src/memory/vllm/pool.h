#pragma once

#include <cstdint>
#include <optional>

#include "src/memory/vllm/pages.h"

namespace weigh::core {

/// What the memory that is left holds of a cache.
struct CachePool {
  std::uint64_t blocks = 0;
  std::uint64_t blocks_per_request = 0;  ///< of one request of max_model_len
  std::uint64_t request_bytes = 0;       ///< of those
  std::uint64_t tokens = 0;              ///< as vLLM prints them
  double concurrency = 0;                ///< requests of that length that it holds
  bool holds_one = false;                ///< such a request, without which vLLM does not start
  std::optional<std::uint64_t> longest;  ///< tokens of the longest request, up to `most`; absent: none
};

/// `available` are the bytes of the card that has the least, `blocks` the blocks of the card that holds the fewest
/// (docs/serving.md 3.3).
CachePool cache_pool(const CachePages& pages, const VllmStart& start, std::uint64_t available, std::uint64_t blocks,
                     std::uint64_t most);

}  // namespace weigh::core
