#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weigh::core {

/// The most one device may have, and the most devices one may ask for: their product stays far from overflow.
inline constexpr std::uint64_t kMaxDeviceBytes = std::uint64_t{1} << 50;  // 1 PiB
inline constexpr std::uint32_t kMaxDevices = 4096;

/// How a device's memory is shared and what its driver holds back: one budget rule each (budget.cpp).
enum class DeviceKind : std::uint8_t { DiscreteGpu, Accelerator, AppleUnified, Unified, Cpu, Phone, Size };

/// One line of the catalogue.
struct Device {
  std::string id;
  std::string name;
  std::string vendor;
  DeviceKind kind = DeviceKind::Size;
  std::uint64_t memory_bytes = 0;            ///< of one device
  std::optional<std::uint64_t> limit_bytes;  ///< what the driver lets one process use, where it was observed
  bool limit_is_free = false;                ///< that is what is free now, on this machine
  std::optional<std::uint64_t> bandwidth_bytes_per_second;
  std::uint32_t count = 1;  ///< devices in this machine, or in all machines that were asked for
  std::uint32_t asked = 1;  ///< how many of this line of the catalogue were asked for: the 2 of "2x dgx-h100"
  std::string member;       ///< what a machine of several devices is made of, or another name for this one
  std::string maker;        ///< whose rules the memory follows: the member's vendor, else the vendor
  std::string aliases;      ///< other words for it, parted by semicolons: "mac mini; imac"
  bool common = false;      ///< one of those that a report shows when no device is asked for
};

/// "discrete-gpu", ...; "size" for a plain size given on the command line.
std::string_view kind_name(DeviceKind kind);

}  // namespace weigh::core
