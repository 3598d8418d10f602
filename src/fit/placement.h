#pragma once

#include "src/fit/candidate.h"
#include "src/fit/device_set.h"
#include "src/fit/fit.h"

namespace weigh::core {

/// Adds to what weigh_run() says where the parts of the run go. Of an `over` it looks for layers that can go to the
/// host, which may change the verdict.
void add_placement(Candidate& candidate, const Run& run, const DeviceSet& devices, Fit& fit);

}  // namespace weigh::core
