#pragma once

#include <optional>
#include <vector>

#include "src/detect/machine.h"
#include "src/devices/catalogue.h"

namespace weigh::core {

/// What this machine has. Of each device memory_bytes is the total and limit_bytes what is free now, where it is known.
struct LocalDevices {
  std::vector<Device> accelerators;  ///< graphics cards, or the one chip of a Mac
  std::optional<Device>
      host;  ///< main memory, as far as this process may use it; absent on a Mac with a chip of its own
};

/// NVIDIA through its library, AMD and Intel through sysfs, Apple through sysctl and Metal, main memory through /proc
/// and the process's cgroup. A device that the catalogue knows by name has its bandwidth.
LocalDevices detect(const Machine& machine, const Catalogue& catalogue);

}  // namespace weigh::core
