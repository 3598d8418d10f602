#pragma once

#include <span>

#include "src/memory/need.h"
#include "src/memory/run.h"
#include "src/memory/run_model.h"
#include "src/memory/serving.h"

namespace weigh::core {

/// A start of vLLM on these cards, which are at least one (docs/serving.md).
ServingStart vllm_serve(const Model& source, const RunModel& model, const Run& run, std::span<const ServedCard> cards);

/// What a run needs on one card of which nothing is known, without its weights.
ContextNeed vllm_need(const RunModel& model, const Run& run);

}  // namespace weigh::core
