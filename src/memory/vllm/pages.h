#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "formats/checked.h"
#include "src/memory/run.h"
#include "src/memory/run_model.h"
#include "src/memory/vllm/start.h"

namespace weigh::core {

/// What a layer keeps of a request, which decides how many pages it takes (docs/serving.md 3.3).
enum class PageKind : std::uint8_t {
  Full,     ///< all tokens; latent attention too
  Sliding,  ///< a window and a batch
  Chunked,  ///< a chunk and a batch
  State,    ///< a state, whatever the length
  Rows,     ///< so many bytes, whatever the length
};

/// Layers that are handed out pages together: each takes one of a block.
struct PageGroup {
  PageKind kind = PageKind::Full;
  std::uint64_t window = 0;        ///< tokens of the window or the chunk
  std::uint64_t block_tokens = 0;  ///< of one page; 0 where it holds no tokens
  std::uint64_t bytes = 0;         ///< of Rows
};

/// A cache as vLLM cuts it. A block is a page in every layer of one group.
struct CachePages {
  std::vector<PageGroup> groups;
  std::uint64_t block_bytes = 0;                 ///< of a block, in all layers of the model, on one card
  std::vector<std::uint64_t> stage_block_bytes;  ///< likewise of each stage's own layers

  /// Tokens of the smallest and of the largest page; 0 without any.
  [[nodiscard]] std::uint64_t smallest_page() const;
  [[nodiscard]] std::uint64_t largest_page() const;
};

/// Layers by type, types in groups, pages of one size (docs/serving.md 3.2). Nothing where a layer's bytes cannot be
/// told.
std::optional<CachePages> cache_pages(const RunModel& model, const Run& run, const VllmStart& start);

/// Blocks that a request of `length` tokens may hold at once, by what its groups hold.
struct RequestBlocks {
  std::uint64_t of_tokens = 0;  ///< of keys and values
  std::uint64_t of_states = 0;

  [[nodiscard]] std::uint64_t all() const { return plus(of_tokens, of_states); }
};

/// `batches` of tokens are reserved behind a window.
RequestBlocks request_blocks(const CachePages& pages, const VllmStart& start, std::uint64_t length,
                             std::uint64_t batches);

}  // namespace weigh::core
