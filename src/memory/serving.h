#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/memory/need.h"
#include "src/memory/run.h"
#include "src/memory/run_model.h"
#include "src/model/model.h"

namespace weigh::core {

/// One card, as far as the defaults and figures of an engine that pools its cache go by it.
struct ServedCard {
  std::uint64_t total_bytes = 0;                           ///< as CUDA reports it; of other memory, what is safe
  std::uint64_t memory_bytes = 0;                          ///< as the driver reports it
  std::optional<std::uint64_t> free_bytes = std::nullopt;  ///< now, on this machine
  std::uint64_t taken_bytes = 0;                           ///< by models that are loaded beside
  bool whole = false;  ///< unless a share is asked for, all of `total_bytes` is the engine's
  bool a100 = false;
  bool native_mxfp4 = false;  ///< its kernels for MXFP4 pad nothing but the width
};

/// How an engine that pools its cache starts: what vLLM and SGLang print. Bytes of one device, the one that decides.
struct Serving {
  std::string version;                    ///< of the rules, "0.31"; empty where they are of no version
  std::uint64_t requested_bytes = 0;      ///< of the device's total
  std::uint64_t weight_bytes = 0;         ///< as loaded
  std::uint64_t activation_bytes = 0;     ///< at the peak of the profiling run
  std::uint64_t outside_bytes = 0;        ///< of driver and communication, which no tensor holds
  std::uint64_t graph_bytes = 0;          ///< of captured graphs, whether or not the share has them
  std::uint64_t counted_graph_bytes = 0;  ///< of those, in the share
  std::uint64_t kept_free_bytes = 0;      ///< beside the share, for what works on tensors
  std::int64_t available_bytes = 0;       ///< for the cache; negative: nothing is left
  std::uint64_t devices = 1;              ///< of which each has such a pool
  std::uint64_t block_tokens = 0;         ///< of the largest page
  std::uint64_t block_bytes = 0;          ///< of a block: a page in each layer of a group
  std::uint64_t token_blocks = 0;         ///< that the tokens of one request fill
  std::uint64_t state_blocks = 0;         ///< and its states
  std::uint64_t blocks = 0;               ///< of the pool
  std::uint64_t blocks_per_request = 0;   ///< of one request of the length asked for
  std::uint64_t request_bytes = 0;        ///< of those blocks, in all layers
  std::uint64_t pool_tokens = 0;          ///< as the engine prints them
  double max_concurrency = 0;             ///< requests of that length that the pool takes
  std::optional<std::uint64_t> longest;   ///< tokens of the longest request that starts; absent: none does
  std::uint64_t length = 0;               ///< tokens of one request, as asked for
  bool starts = false;
  std::string error;                     ///< in the engine's words; empty where it starts
  std::vector<std::string> flags = {};   ///< of its command line, that pin all figures but the cache's type and shards
  std::vector<std::string> assumptions;  ///< what was not said: "max_num_seqs 256, vLLM's default on this card"
};

/// How cards share a model.
struct Shards {
  std::uint64_t tensor = 1;    ///< cards that have a part of every matrix
  std::uint64_t pipeline = 1;  ///< stages that have whole layers

  [[nodiscard]] std::uint64_t cards() const { return times(tensor, pipeline); }
};
/// As asked for, which may be more cards than there are; else all of them share every layer where the heads divide by
/// them, and are stages with whole layers where not.
Shards shards_of(const RunModel& model, const ServingSettings& asked, std::uint64_t cards);

/// One card's part of a start.
struct CardStart {
  MemoryNeed need;                ///< with what the run's own tokens hold of the cache, in whole pages
  std::uint64_t safe_bytes = 0;   ///< what the engine takes of the card
  std::uint64_t limit_bytes = 0;  ///< what there is for it
  std::uint64_t share = 0;        ///< `safe_bytes` of it, in 1/10,000
  std::uint64_t layers = 0;
};

/// An engine that starts, or would not.
struct ServingStart {
  Serving serving;
  Shards shards;
  std::vector<CardStart> cards;          ///< in their order
  std::vector<std::string> shard_flags;  ///< of the engine's command line: "--tensor-parallel-size", "2"
};

/// The layers of each stage: as many in each, those left over with the last stages but one.
std::vector<std::uint64_t> layers_of_stages(std::uint64_t layers, std::uint64_t stages);

/// Bytes of the weights that are loaded on one card of each stage (docs/serving.md 4.1).
std::vector<std::uint64_t> served_weights(const Model& source, const RunModel& model, const Shards& shards,
                                          const ServedCard& card);

/// Bytes of one token in one layer's cache on one card (docs/serving.md 3.1). Nothing where the type's blocks do not
/// divide a row.
Bytes cached_token_bytes(const RunModel& model, const LayerModel& layer, const Run& run, std::uint64_t tensor_parallel);

/// Bytes of one sequence's state in one layer on one card (docs/serving.md 3.4).
Bytes cached_state_bytes(const RunModel& model, const LayerModel& layer, std::uint64_t tensor_parallel);

/// DeepSeek V4: bytes of a row, in the window and in the compressed cells alike, and of the indexer's key beside a
/// compressed one.
struct CompressedRow {
  std::uint64_t row = 0;
  std::uint64_t key = 0;
};
CompressedRow compressed_row(const RunModel& model, const LayerModel& layer);

/// Whether a layer keeps keys and values, or a state, of what it has read.
bool keeps_tokens(const LayerModel& layer);
bool keeps_state(const LayerModel& layer);

/// So many hundredths of a GiB, as engines print sizes.
constexpr std::uint64_t hundredths(std::uint64_t count) { return count * (std::uint64_t{1} << 30) / 100; }

/// What driver and communication take on one of so many cards, which no tensor holds (docs/serving.md 4.3).
std::uint64_t outside_of_tensors(std::uint64_t cards);

/// a - b, below 0 too; at the end of the type's range where it would not fit.
std::int64_t signed_difference(std::uint64_t a, std::uint64_t b);

/// "3.65 GiB", as these engines print it.
std::string gib_text(std::int64_t bytes);

}  // namespace weigh::core
