#pragma once

#include <optional>

#include "src/fit/candidate.h"
#include "src/fit/device_set.h"

namespace weigh::core {

/// The run with as few experts, then as few layers on the host as make it fit the devices. Nothing when nothing does or
/// no host has memory of its own.
std::optional<Run> moved_to_host(Candidate& candidate, const Run& run, const DeviceSet& devices);

/// Likewise by layers alone.
std::optional<Run> layers_to_host(Candidate& candidate, const Run& run, const DeviceSet& devices);

}  // namespace weigh::core
