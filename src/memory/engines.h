#pragma once

#include <cstdint>
#include <optional>

#include "src/memory/need.h"
#include "src/memory/run.h"
#include "src/memory/run_model.h"

namespace weigh::core {

/// What engines other than llama.cpp need for a run (docs/memory-rules.md 10), without its weights. Caches grow with use
/// there; these are the bytes at the full context. Nothing is rounded but vLLM's blocks of 16 tokens. The compute part is
/// always an estimate. Everything is absent where count_cells() has nothing.
ContextNeed engine_need(const RunModel& model, const Run& run);

}  // namespace weigh::core
