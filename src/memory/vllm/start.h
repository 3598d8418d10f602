#pragma once

#include <cstdint>
#include <optional>

#include "src/memory/run.h"
#include "src/memory/run_model.h"
#include "src/memory/serving.h"

namespace weigh::core {

/// The newest version of vLLM whose rules are known here.
inline constexpr EngineVersion kNewestVllm{.major = 0, .minor = 31};

/// What moved between versions of vLLM (docs/serving.md 2).
bool counts_graphs(EngineVersion version);       ///< captured graphs are in the share
bool has_groups(EngineVersion version);          ///< the V1 engine: caches in groups of layers
bool prints_concurrency(EngineVersion version);  ///< tokens of the pool are concurrency times length
bool schedules_ahead(EngineVersion version);     ///< a window is reserved for two batches

/// A start of vLLM with every setting decided.
struct VllmStart {
  EngineVersion version = kNewestVllm;
  std::uint64_t share = 0;           ///< of the card, in 1/10,000
  std::uint64_t length = 0;          ///< max_model_len: tokens of one request
  std::uint64_t max_sequences = 0;   ///< max_num_seqs
  std::uint64_t batched_tokens = 0;  ///< max_num_batched_tokens
  Shards shards;
  std::uint64_t context_parallel = 1;         ///< cards of a stage that divide a request's tokens
  std::optional<std::uint64_t> block_tokens;  ///< asked for
  std::optional<std::uint64_t> pool_bytes;    ///< likewise, of one card
  bool graphs = true;
  bool prefix_caching = true;
};

/// What the run says, and vLLM's defaults for so many of the card and the version (docs/serving.md 2).
VllmStart vllm_start(const RunModel& model, const Run& run, const ServedCard& card, std::uint64_t cards);

}  // namespace weigh::core
