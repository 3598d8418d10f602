#pragma once

#include <cstdint>
#include <vector>

#include "formats/checked.h"
#include "src/memory/run.h"
#include "src/memory/run_model.h"

namespace weigh::core {

std::vector<Bytes> vllm_layer_kv(const RunModel& model, const Run& run);
Bytes vllm_compute(const RunModel& model, const Run& run);
/// In whole blocks.
std::uint64_t vllm_sequence_tokens(const RunModel& model, const Run& run);

}  // namespace weigh::core
