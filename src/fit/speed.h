#pragma once

#include <optional>

#include "src/fit/candidate.h"
#include "src/fit/device_set.h"
#include "src/fit/fit.h"

namespace weigh::core {

/// Nothing where a device's bandwidth is not known, or the model's figures.
std::optional<SpeedBound> speed_bound(Candidate& candidate, const Run& run, const DeviceSet& devices);

}  // namespace weigh::core
