#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "src/memory/compute.h"
#include "src/memory/need.h"
#include "src/memory/run.h"
#include "src/memory/run_model.h"
#include "src/memory/weights.h"
#include "src/model/model.h"

namespace weigh::core {

/// What one memory holds of a run that is split.
struct SplitPart {
  MemoryNeed need;           ///< without an overhead
  std::uint64_t blocks = 0;  ///< of the model's blocks, those of multi-token prediction included
  bool output = false;       ///< holds the output layer
};

/// A run on a host and its devices.
struct SplitNeed {
  SplitPart host;
  std::vector<SplitPart> devices;  ///< in the order they were given
};

/// Where llama.cpp puts what (docs/memory-rules.md 1.1, 7.2): the input layer on the host; the output layer and then blocks
/// from the last on the devices, as many as `gpu_layers` says; whole layers per device, by the devices' `proportions`
/// (one of them: all of it). Tied embeddings are loaded for both ends. Blocks of multi-token prediction are not loaded.
SplitNeed split_need(const Model& source, const RunModel& model, const Run& run, std::span<const double> proportions);
/// Likewise by what was found once for many runs of a model.
SplitNeed split_need(const RunModel& model, const WeightParts& weights, const WeightTable& table, ComputeGraphs& graphs,
                     const Run& run, std::span<const double> proportions);

/// Where the blocks of such a run are: the number of a device, or kOnHost.
inline constexpr std::size_t kOnHost = static_cast<std::size_t>(-1);
std::vector<std::size_t> homes_of_blocks(const RunModel& model, const Run& run, std::span<const double> proportions);

/// Bytes of the weights that a run loads into one memory, the blocks of multi-token prediction left out.
std::uint64_t loaded_weights(const WeightParts& weights);

}  // namespace weigh::core
