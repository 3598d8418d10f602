#pragma once

#include <span>

#include "src/memory/need.h"
#include "src/memory/run.h"
#include "src/memory/run_model.h"
#include "src/memory/serving.h"

namespace weigh::core {

/// A start of SGLang on these cards, which are at least one (docs/serving.md 6).
ServingStart sglang_serve(const Model& source, const RunModel& model, const Run& run,
                          std::span<const ServedCard> cards);

/// What a run needs on one card of which nothing is known, without its weights. What SGLang keeps free beside its share
/// is a card's, and not in it.
ContextNeed sglang_need(const RunModel& model, const Run& run);

}  // namespace weigh::core
