#pragma once

#include <optional>
#include <span>
#include <vector>

#include "src/devices/budget.h"
#include "src/devices/device.h"

namespace weigh::core {

/// One device of a set, with what may be used of it.
struct Slot {
  explicit Slot(Device one);

  Device device;  ///< its count is 1

  Budget budget;  ///< by the device's own rule, unless an engine has another
};

/// How it is known what memory the host has.
enum class HostSource : std::uint8_t { Given, Detected, Catalogue, Assumed };

/// The memory next to devices that have their own.
struct HostMemory {
  Slot slot;
  HostSource source = HostSource::Assumed;
};

/// 32 GiB: what a machine with a graphics card has at least, where nothing is known of it.
HostMemory assumed_host();

/// A host of `bytes`, as the user says; its bandwidth is assumed to be that of two channels of DDR5-5600.
HostMemory given_host(std::uint64_t bytes);

/// Devices that carry a run together.
struct DeviceSet {
  Device label;                    ///< what they were asked as; its count is that of all of them
  std::vector<Slot> slots;         ///< one by one, in the order they were given; at least one
  std::optional<HostMemory> host;  ///< takes what the slots do not; absent where theirs is all the memory there is

  /// Whether all slots are the same device.
  [[nodiscard]] bool alike() const;
};

/// The devices that one request resolves to.
DeviceSet device_set_of(const Device& device, const HostMemory& host = assumed_host());

/// Those of several that are used together: whose memory has a host beside it, and CPUs as that host. Throws UsageError
/// when there is nothing but several hosts.
DeviceSet device_set_of(std::span<const Device> requested);

}  // namespace weigh::core
