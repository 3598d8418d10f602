#pragma once

#include "src/fit/candidate.h"
#include "src/fit/device_set.h"
#include "src/fit/fit.h"

namespace weigh::core {

/// The run on the devices: need and verdict. What makes an `over` run all the same is not looked for.
Fit weigh_run(Candidate& candidate, const Run& run, const DeviceSet& devices);

/// Whether the run fits, with cache and compute known.
bool fits(Candidate& candidate, const Run& run, const DeviceSet& devices);

}  // namespace weigh::core
