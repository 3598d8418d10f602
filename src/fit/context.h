#pragma once

#include <cstdint>
#include <optional>

#include "src/fit/candidate.h"
#include "src/fit/device_set.h"

namespace weigh::core {

/// The largest context with which a run fits.
struct LargestContext {
  std::uint64_t tokens = 0;
  bool is_models = false;  ///< no more than the model was made for
};

/// Up to the model's own or the one asked for; nothing when none does or the model's figures are not known.
std::optional<LargestContext> largest_context(Candidate& candidate, const Run& run, const DeviceSet& devices);

}  // namespace weigh::core
