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

/// States another need than the one that was judged.
void set_need(const MemoryNeed& need, Fit& fit);

/// What memory has no say in: the need is stated, and the verdict is another.
void refuse(const FitReason& reason, Verdict verdict, Fit& fit);

/// `bytes` of the need are in the memory of this host: `offload` at best, and `no` where they are more than is safe.
void put_on_host(std::uint64_t bytes, const HostMemory& host, Fit& fit);

/// Of what is above the limit, as much as is above the safe budget goes to the host, from the last of `pieces` on, whole
/// pieces. The devices keep room for one of them, which is copied there while it works. Without pieces it goes byte by
/// byte. Does nothing to any other fit.
void offload_weights(const std::vector<std::uint64_t>& pieces, const DeviceSet& devices, Fit& fit);

/// One need on all devices of a set that are alike.
Fit judge(const DeviceSet& devices, const MemoryNeed& need, std::optional<Engine> engine);

}  // namespace weigh::core
