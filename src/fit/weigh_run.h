#pragma once

#include <cstdint>
#include <vector>

#include "src/fit/candidate.h"
#include "src/fit/device_set.h"
#include "src/fit/fit.h"

namespace weigh::core {

/// The run on the devices, and on the host what it says itself: need and verdict. What makes a run that is too large run
/// all the same is not looked for.
Fit weigh_run(Candidate& candidate, const Run& run, const DeviceSet& devices);

/// Whether it runs safely, every part of it within its safe budget and known.
bool runs(const Fit& fit);
bool fits(Candidate& candidate, const Run& run, const DeviceSet& devices);

}  // namespace weigh::core
