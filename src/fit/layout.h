#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "src/fit/candidate.h"
#include "src/fit/companions.h"
#include "src/fit/device_set.h"
#include "src/memory/serving.h"

namespace weigh::core {

/// Whether a run lies partly in host memory: llama.cpp on devices that have a host with memory of its own.
bool beside_host(const Candidate& candidate, const DeviceSet& devices);

/// What each slot and the host need when the run is laid out over the slots in whole layers, as evenly as their budgets
/// allow. Companions are counted in. Parts that cannot be told are absent.
struct Layout {
  std::vector<MemoryNeed> slots;
  std::vector<std::uint64_t> layers;  ///< blocks on each slot
  std::vector<std::uint64_t> shares;  ///< llama.cpp's --tensor-split: blocks and the output layer
  std::optional<std::size_t> output;  ///< the slot with the output layer
  MemoryNeed host;
  std::uint64_t host_layers = 0;
  std::vector<CompanionNeed> companions = {};  ///< counted above
  std::optional<ServingStart> start = {};      ///< of an engine that pools its cache
};

/// Only with a run model.
Layout lay_out(Candidate& candidate, const Run& run, const DeviceSet& devices);

}  // namespace weigh::core
