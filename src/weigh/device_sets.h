#pragma once

#include <string>
#include <vector>

#include "src/detect/machine.h"
#include "src/devices/catalogue.h"
#include "src/fit/device_set.h"

namespace weigh::core {

/// The devices of `--on`, each by itself, or all of them together; a request may name several, parted by commas. `local`
/// is all that this machine has. `host` is the memory beside devices that have their own, a size or a machine of the
/// catalogue; where it is empty, that of this machine for `local`, else an assumed one. Throws UsageError.
std::vector<DeviceSet> resolve_groups(const Catalogue& catalogue, const std::vector<std::string>& requests,
                                      const std::string& host = {}, bool together = false);

/// `requests`, or where they are empty and the machine has a graphics card or a chip of Apple, `local`.
std::vector<std::string> or_this_machine(std::vector<std::string> requests, const Machine& machine,
                                         const Catalogue& catalogue);

}  // namespace weigh::core
