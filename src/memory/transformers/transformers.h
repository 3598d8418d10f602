#pragma once

#include <vector>

#include "formats/checked.h"
#include "src/memory/run.h"
#include "src/memory/run_model.h"

namespace weigh::core {

/// Bytes of each layer's KV cache in transformers at the full context (docs/memory-rules.md 10.1).
std::vector<Bytes> transformers_layer_kv(const RunModel& model, const Run& run);

/// What the peak over prompt and answer takes beside weights and the cache at the full context, in bytes: an estimate.
Bytes transformers_compute(const RunModel& model, const Run& run);

}  // namespace weigh::core
