#include "src/memory/vllm/start.h"

#include <algorithm>

#include "src/memory/engines.h"

namespace weigh::core {

namespace {

constexpr EngineVersion kV1{.major = 0, .minor = 8};
constexpr EngineVersion kLargeBatches{.major = 0, .minor = 10};
constexpr EngineVersion kCountedGraphs{.major = 0, .minor = 21};
constexpr EngineVersion kAsynchronous{.major = 0, .minor = 29};
constexpr EngineVersion kLargerShare{.major = 0, .minor = 31};

// Cards from here on get larger batches, but for the A100.
constexpr std::uint64_t kLargeCard = std::uint64_t{70} << 30;

bool is_large(const ServedCard& card) { return card.total_bytes >= kLargeCard && !card.a100; }

// Engines before V1 read a prompt at once up to this length.
constexpr std::uint64_t kUnchunked = 32768;
constexpr std::uint64_t kFewTokens = 2048;

std::uint64_t default_batched_tokens(const VllmStart& start, const ServedCard& card) {
  if (!has_groups(start.version)) return start.length < kUnchunked ? std::max(start.length, kFewTokens) : kFewTokens;
  return is_large(card) ? 8192 : kFewTokens;
}

std::uint64_t default_sequences(const VllmStart& start, const ServedCard& card) {
  return start.version >= kLargeBatches && is_large(card) ? 1024 : 256;
}

}  // namespace

bool counts_graphs(EngineVersion version) { return version >= kCountedGraphs; }
bool has_groups(EngineVersion version) { return version >= kV1; }
bool prints_concurrency(EngineVersion version) { return version >= kCountedGraphs; }
bool schedules_ahead(EngineVersion version) { return version >= kAsynchronous; }

VllmStart vllm_start(const RunModel& model, const Run& run, const ServedCard& card, std::uint64_t cards) {
  const ServingSettings& asked = run.serving;
  VllmStart start;
  start.version = asked.version.value_or(kNewestVllm);
  start.share = asked.share.value_or(start.version >= kLargerShare ? 9200 : 9000);
  start.length = std::max<std::uint64_t>(sequence_tokens(model, run), 1);
  start.batched_tokens = asked.batched_tokens.value_or(default_batched_tokens(start, card));
  start.max_sequences = asked.max_sequences.value_or(default_sequences(start, card));
  start.shards = shards_of(model, asked, cards);
  start.context_parallel = std::max<std::uint64_t>(asked.context_parallel.value_or(1), 1);
  start.block_tokens = asked.block_tokens;
  start.pool_bytes = asked.pool_bytes;
  start.graphs = !asked.eager;
  start.prefix_caching = !asked.no_prefix_caching;
  return start;
}

}  // namespace weigh::core
