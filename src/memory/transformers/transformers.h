#pragma once

#include <vector>

#include "formats/checked.h"
#include "src/memory/run.h"
#include "src/memory/run_model.h"

namespace weigh::core {

/// Bytes of each layer's KV cache in transformers (docs/memory-rules.md 10), at the full context.
std::vector<Bytes> transformers_layer_kv(const RunModel& model, const Run& run);

/// Working memory at the peak, in bytes: an estimate.
Bytes transformers_compute(const RunModel& model, const Run& run);

}  // namespace weigh::core
