#pragma once

#include <string>
#include <vector>

#include "src/detect/machine.h"
#include "src/devices/catalogue.h"
#include "src/fit/device_set.h"

namespace weigh::core {

/// The devices of `--on`, each by itself, or all of them together; a request may name several, parted by commas. `local`
/// is all that this machine has. Throws UsageError.
std::vector<DeviceSet> resolve_groups(const Catalogue& catalogue, const std::vector<std::string>& requests,
                                      bool together = false);

/// `requests`, or where they are empty and the machine has a graphics card or a chip of Apple, `local`.
std::vector<std::string> or_this_machine(std::vector<std::string> requests, const Machine& machine,
                                         const Catalogue& catalogue);

}  // namespace weigh::core
