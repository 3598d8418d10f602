#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "src/devices/catalogue.h"
#include "src/fit/candidate.h"
#include "src/fit/device_set.h"
#include "src/fit/fit.h"

namespace weigh::core {

/// The largest type of llama.cpp's quantizer, of those that make the model smaller, with which a run fits.
struct SmallerType {
  const QuantizerType* type = nullptr;
  std::uint64_t weight_bytes = 0;  ///< all tensors
};

/// Nothing when none does, or the model cannot be quantized.
std::optional<SmallerType> largest_fitting_type(const Model& source, Run run, const DeviceSet& devices,
                                                const std::vector<Companion>& companions = {});

/// What makes a run that does not fit do so, most welcome first. Every proposal has been weighed and runs. Moving layers
/// to the host is none where `verdict` says that already.
std::vector<Advice> advise(Candidate& candidate, const Run& run, const DeviceSet& devices, const Catalogue& catalogue,
                           Verdict verdict);

}  // namespace weigh::core
