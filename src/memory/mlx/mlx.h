#pragma once

#include <vector>

#include "formats/checked.h"
#include "src/memory/run.h"
#include "src/memory/run_model.h"

namespace weigh::core {

/// Bytes of each layer's KV cache in mlx-lm at the full context (docs/memory-rules.md 10.3).
std::vector<Bytes> mlx_layer_kv(const RunModel& model, const Run& run);

/// Working memory at the peak, in bytes: an estimate.
Bytes mlx_compute(const RunModel& model, const Run& run);

}  // namespace weigh::core
