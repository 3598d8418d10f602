#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "src/memory/need.h"
#include "src/memory/run.h"
#include "src/memory/run_model.h"

namespace weigh::core {

/// What engines other than llama.cpp need for a run (docs/memory-rules.md 10), without its weights. Caches grow with use
/// there; these are the bytes at the full context. Nothing is rounded but vLLM's blocks of 16 tokens. The compute part is
/// always an estimate. Everything is absent where count_cells() has nothing.
ContextNeed engine_need(const RunModel& model, const Run& run);

/// Bytes of each layer's KV cache in such an engine. Nothing where the need has none.
std::optional<std::vector<std::uint64_t>> engine_layer_kv(const RunModel& model, const Run& run);

}  // namespace weigh::core
