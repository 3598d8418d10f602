#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "src/fit/device_set.h"
#include "src/fit/fit.h"

namespace weigh::core {

/// What devices that are all alike carry together.
struct Load {
  const Slot* slot;         ///< one of them; lives as long as the load
  std::uint64_t count = 1;  ///< how many there are
  MemoryNeed need;          ///< on all of them together; the overhead is that of one
  /// The weights in pieces that cannot be cut (a layer each), in order, for more than one device. Empty: the weights
  /// divide anywhere. Everything else that is counted divides evenly.
  std::vector<std::uint64_t> pieces = {};
};

/// Holds every load against the budgets of its devices. The verdict is the worst of them; `label` is what the devices
/// were asked for as.
Fit judge(const Device& label, std::span<const Load> loads, std::optional<Engine> engine);

/// One need on all devices of a set that are alike.
Fit judge(const DeviceSet& devices, const MemoryNeed& need, std::optional<Engine> engine);

}  // namespace weigh::core
