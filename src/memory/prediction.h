#pragma once

#include <optional>

#include "src/memory/run_model.h"

namespace weigh::core {

/// The blocks of multi-token prediction as a model of their own, which drafts for the whole on the same weights
/// (docs/memory-rules.md 6.5): attention over the whole context, whatever the other layers do. Nothing for a model whose
/// files have no such blocks.
std::optional<RunModel> prediction_model(const RunModel& model);

}  // namespace weigh::core
