#pragma once

#include <cstdint>
#include <optional>

#include "src/devices/device.h"

namespace weigh::core {

/// Why the safe part of a device is what it is. The figures of a rule are those of its Budget and of the device.
enum class BudgetRule : std::uint8_t {
  ShareOfMemory,      ///< 0.92 of memory
  FreeLessMargin,     ///< what is free now, less a margin
  DriverLessMargin,   ///< what the driver gives, as observed, less a margin
  MemoryLessDriver,   ///< memory less `held_back` for the driver and a margin
  AppleShare,         ///< 70 % of memory
  AppleDefault,       ///< all that macOS gives by default
  AppleLimit,         ///< all that macOS gives, which is not the default
  UnifiedLessMargin,  ///< the GPU's part of the memory, less a margin
  UnifiedLessSystem,  ///< memory less `held_back` for the operating system that shares it
  CpuLessSystem,      ///< memory less `held_back` for the operating system
  CpuFree,            ///< what is free now
  PhoneShare,         ///< an app's share
  AcceleratorShare,   ///< 90 % of memory
  AsGiven,            ///< a plain size: nothing is held back
  EngineShare,        ///< what the engine takes of the limit, `share`
};

/// Bytes of ONE device. memory >= limit >= safe.
struct Budget {
  std::uint64_t memory = 0;  ///< all of it
  std::uint64_t limit = 0;   ///< what the driver lets one process use by default
  std::uint64_t safe = 0;    ///< what a careful person plans for
  /// As far as help reaches within the device's own memory, e.g. a raised limit; else the limit.
  std::uint64_t raised = 0;
  BudgetRule rule = BudgetRule::AsGiven;
  std::uint64_t held_back = 0;                ///< by a rule that holds back an amount
  std::uint64_t share = 0;                    ///< of an engine, in 1/10,000
  std::optional<std::uint64_t> stated_limit;  ///< as the device says it; absent: by the rule
  bool limit_is_free = false;                 ///< that is what is free now

  friend bool operator==(const Budget&, const Budget&) = default;
};

/// The budget by the rule of the device's kind and maker. An engine that pools its cache has its own
/// (docs/serving.md 1).
Budget budget_of(const Device& device);

/// Whether the host has other memory than the device, where a part of a run may lie.
bool has_host_memory(const Device& device);

/// What an engine and its driver context take on one such device before the first weight (docs/memory-rules.md 6.1). An
/// estimate.
std::uint64_t engine_overhead(const Device& device);

}  // namespace weigh::core
