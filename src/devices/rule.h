#pragma once

#include <cstdint>
#include <string_view>

#include "src/devices/budget.h"
#include "src/devices/device.h"

namespace weigh::core {

/// What lets a model run that is above the limit.
enum class Help : std::uint8_t {
  None,
  HostMemory,    ///< layers or experts in the host's own memory, whatever the size
  WiredLimit,    ///< macOS: iogpu.wired_limit_mb, up to Budget::raised
  TtmPages,      ///< Linux on AMD: ttm.pages_limit, up to Budget::raised
  SharedMemory,  ///< layers on the CPU in the part of memory the GPU may not take, up to Budget::raised
  Paging,        ///< weights read from disk again and again
  Entitlement,   ///< iOS: increased-memory-limit, up to Budget::raised
};

/// All that differs between one kind of memory and another.
struct DeviceRule {
  DeviceKind kind;
  std::string_view maker;  ///< empty: any
  std::string_view chip;   ///< how the id of the device, or of its member, begins; empty: any
  Budget (*budget)(const Device&);
  std::uint64_t engine_overhead;  ///< see engine_overhead()
  Help help;
  std::string_view limit_name;  ///< the limit in a sentence: "what the driver gives"
};

const DeviceRule& rule_of(const Device& device);

}  // namespace weigh::core
