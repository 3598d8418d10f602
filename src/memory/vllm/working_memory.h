#pragma once

#include <cstdint>

#include "src/memory/run_model.h"
#include "src/memory/vllm/start.h"

namespace weigh::core {

/// The peak of the profiling run on one card, in bytes: one batch of tokens forward, or the sampler's rows over the whole
/// vocabulary, whichever is more (docs/serving.md 4.2). Both are fitted.
std::uint64_t vllm_activation(const RunModel& model, const VllmStart& start);

/// What driver and communication take on one card, which no tensor holds (docs/serving.md 4.3).
std::uint64_t vllm_outside(const VllmStart& start);

/// What captured graphs take on one card, an estimate; 0 without graphs (docs/serving.md 4.3).
std::uint64_t vllm_graphs(const RunModel& model, const VllmStart& start);

}  // namespace weigh::core
