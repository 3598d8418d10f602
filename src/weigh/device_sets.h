#pragma once

#include <string>
#include <vector>

#include "src/devices/catalogue.h"
#include "src/fit/device_set.h"

namespace weigh::core {

/// The devices of `--on`, each by itself, or all of them together. `local` is all that this machine has. Throws
/// UsageError.
std::vector<DeviceSet> resolve_groups(const Catalogue& catalogue, const std::vector<std::string>& requests,
                                      bool together = false);

}  // namespace weigh::core
