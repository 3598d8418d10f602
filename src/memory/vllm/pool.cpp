#include "src/memory/vllm/pool.h"

#include <algorithm>

#include "formats/checked.h"

namespace weigh::core {

namespace {

// vLLM reserves a window for two batches where it schedules ahead.
std::uint64_t reserved_batches(const VllmStart& start) { return schedules_ahead(start.version) ? 2 : 1; }

std::uint64_t blocks_of(const CachePages& pages, const VllmStart& start, std::uint64_t length) {
  return request_blocks(pages, start, length, reserved_batches(start)).all();
}

// A request has to find its place as if one card held all layers, also where stages divide them.
bool holds(const CachePages& pages, const VllmStart& start, std::uint64_t available, std::uint64_t length) {
  return times(blocks_of(pages, start, length), pages.block_bytes) <= available;
}

std::optional<std::uint64_t> longest(const CachePages& pages, const VllmStart& start, std::uint64_t available,
                                     std::uint64_t most) {
  if (most == 0 || !holds(pages, start, available, 1)) return std::nullopt;
  std::uint64_t yes = 1;
  std::uint64_t no = plus(most, 1);
  while (no - yes > 1) {
    const std::uint64_t middle = yes + (no - yes) / 2;
    (holds(pages, start, available, middle) ? yes : no) = middle;
  }
  return yes;
}

// Before tokens were printed as concurrency times length: blocks shared out over the groups, of the smallest page each.
std::uint64_t tokens_by_groups(const CachePages& pages, const VllmStart& start, std::uint64_t blocks) {
  return times(times(blocks / std::max<std::uint64_t>(pages.groups.size(), 1), pages.smallest_page()),
               start.context_parallel);
}

}  // namespace

CachePool cache_pool(const CachePages& pages, const VllmStart& start, std::uint64_t available, std::uint64_t blocks,
                     std::uint64_t most) {
  CachePool pool;
  pool.blocks = blocks;
  pool.blocks_per_request = std::max<std::uint64_t>(blocks_of(pages, start, start.length), 1);
  pool.request_bytes = times(pool.blocks_per_request, pages.block_bytes);
  pool.concurrency = static_cast<double>(blocks) / static_cast<double>(pool.blocks_per_request);
  pool.tokens = prints_concurrency(start.version) ? scaled(start.length, blocks, pool.blocks_per_request)
                                                  : tokens_by_groups(pages, start, blocks);
  pool.holds_one = holds(pages, start, available, start.length);
  pool.longest = longest(pages, start, available, most);
  return pool;
}

}  // namespace weigh::core
