#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "src/devices/budget.h"
#include "src/devices/device.h"
#include "src/devices/engine.h"

namespace weigh::core {

/// One device of a set, with what may be used of it.
class Slot {
 public:
  explicit Slot(Device one);

  Device device;  ///< its count is 1

  /// For an engine, or where none is assumed.
  [[nodiscard]] const Budget& budget(std::optional<Engine> engine = std::nullopt) const;

 private:
  Budget budget_;
  std::array<Budget, kEngines> by_engine_;
};

/// Devices that carry a run together.
struct DeviceSet {
  Device label;              ///< what they were asked as; its count is that of all of them
  std::vector<Slot> slots;   ///< one by one, in the order they were given; at least one
  std::optional<Slot> host;  ///< whose memory takes what the slots do not; absent: not known

  /// Whether all slots are the same device.
  [[nodiscard]] bool alike() const;
  /// Whether every device has a host with memory of its own.
  [[nodiscard]] bool have_host_memory() const;
};

/// The devices that one request resolves to.
DeviceSet device_set_of(const Device& device);

/// Those of several that are used together: whose memory has a host beside it, and CPUs as that host. Throws UsageError
/// when there is nothing but several hosts.
DeviceSet device_set_of(std::span<const Device> requested);

}  // namespace weigh::core
