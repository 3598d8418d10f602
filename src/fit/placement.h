#pragma once

#include "src/fit/candidate.h"
#include "src/fit/device_set.h"
#include "src/fit/fit.h"

namespace weigh::core {

/// Adds to what weigh_run() says where the parts of the run go. Of what is above the limit it looks for layers that can
/// go to the host, which may change the verdict and the need. The run as it is placed.
Run add_placement(Candidate& candidate, const Run& run, const DeviceSet& devices, Fit& fit);

}  // namespace weigh::core
