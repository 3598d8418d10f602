#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "src/devices/catalogue.h"
#include "src/fit/device_set.h"
#include "src/fit/fit.h"

namespace weigh::core {

/// What the components of a diffusers pipeline hold: bytes of weights, one number for each component.
struct PipelineWeights {
  std::vector<std::uint64_t> encoders;  ///< of text and images: they work once, before the first step
  std::vector<std::uint64_t> others;    ///< they work at every step, or after the last
};

/// A pipeline held against devices.
struct PipelineFits {
  std::vector<Fit> at_once;           ///< everything on the devices; one for each set
  std::vector<Fit> encoders_on_host;  ///< likewise without the encoders; empty where nothing can wait on a host
  bool common_devices = false;        ///< no set was given: `at_once` is on a few common devices
};

/// Weights and the engine's overhead; what a picture needs in between is not known. Where everything is above the limit
/// and the rest without the encoders is not, the help says so.
PipelineFits weigh_pipeline(const PipelineWeights& weights, std::span<const DeviceSet> sets,
                            const Catalogue& catalogue);

}  // namespace weigh::core
