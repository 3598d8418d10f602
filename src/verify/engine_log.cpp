#include "src/verify/engine_log.h"

#include <array>

namespace weigh::core {
namespace {

// The rules are sections of docs/memory-rules.md.
constexpr std::array kParts{
    LogPartTraits{LogPart::File, "file", LogUnit::Memory, "docs/memory-rules.md 1", "the tensors of the file"},
    LogPartTraits{LogPart::Parameters, "parameters", LogUnit::Count, "docs/memory-rules.md 1",
                  "the tensors of the file"},
    LogPartTraits{LogPart::Weights, "weights", LogUnit::Memory, "docs/memory-rules.md 1.1", "where each tensor goes"},
    LogPartTraits{LogPart::KvCache, "KV cache", LogUnit::Memory, "docs/memory-rules.md 3", "KV cache"},
    LogPartTraits{LogPart::KvFull, "KV cache, full", LogUnit::Memory, "docs/memory-rules.md 3.1",
                  "each layer that has a cache"},
    LogPartTraits{LogPart::KvWindow, "KV cache, sliding", LogUnit::Memory, "docs/memory-rules.md 3.4",
                  "sliding windows"},
    LogPartTraits{LogPart::State, "recurrent state", LogUnit::Memory, "docs/memory-rules.md 4", "recurrent state"},
    LogPartTraits{LogPart::CacheAndState, "KV cache and state", LogUnit::Memory, "docs/memory-rules.md 3",
                  "KV cache, and 4 of state"},
    LogPartTraits{LogPart::Compute, "compute buffer", LogUnit::Memory, "docs/memory-rules.md 5", "compute buffer"},
    LogPartTraits{LogPart::Output, "output buffer", LogUnit::Memory, "docs/memory-rules.md 5.3", "logits"},
    LogPartTraits{LogPart::Context, "context", LogUnit::Tokens, "docs/memory-rules.md 2", "context and cells"},
    LogPartTraits{LogPart::Requested, "requested memory", LogUnit::Memory, "docs/serving.md 1", "vLLM's budget"},
    LogPartTraits{LogPart::Activation, "activation peak", LogUnit::Memory, "docs/serving.md 4.2", "vLLM's activations"},
    LogPartTraits{LogPart::Outside, "outside of torch", LogUnit::Memory, "docs/serving.md 4.3",
                  "driver and communication"},
    LogPartTraits{LogPart::Graphs, "CUDA graphs", LogUnit::Memory, "docs/serving.md 4.3", "captured graphs"},
    LogPartTraits{LogPart::AvailableCache, "available for cache", LogUnit::Memory, "docs/serving.md 1",
                  "what is left for the cache"},
    LogPartTraits{LogPart::RequestCache, "cache of one request", LogUnit::Memory, "docs/serving.md 3.3",
                  "pages of a request"},
    LogPartTraits{LogPart::Blocks, "cache blocks", LogUnit::Count, "docs/serving.md 3.2", "pages of the pool"},
    LogPartTraits{LogPart::PoolTokens, "tokens in the pool", LogUnit::Tokens, "docs/serving.md 3.3",
                  "tokens of the pool"},
    LogPartTraits{LogPart::Concurrency, "concurrency", LogUnit::Ratio, "docs/serving.md 3.3",
                  "requests that the pool takes"},
};

}  // namespace

const LogPartTraits& traits_of(LogPart part) { return kParts[static_cast<std::size_t>(part)]; }

std::string_view unit_name(LogUnit unit) {
  switch (unit) {
    case LogUnit::Memory: return "bytes";
    case LogUnit::Tokens: return "tokens";
    case LogUnit::Count: return "count";
    case LogUnit::Ratio: return "ratio";
  }
  return {};
}

}  // namespace weigh::core
