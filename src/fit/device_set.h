#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "src/devices/budget.h"
#include "src/devices/device.h"
#include "src/fit/candidate.h"

namespace weigh::core {

/// Devices that carry a run together.
struct DeviceSet {
  Device label;                ///< what they were asked as; its count is that of all of them
  std::vector<Device> slots;   ///< one by one, in the order they were given
  std::optional<Device> host;  ///< whose memory takes what the slots do not; absent: not known
};

/// The devices of one `--on`.
DeviceSet device_set_of(const Device& device);

/// Those of several that are used together: whose memory has a host beside it, and CPUs as that host. Throws UsageError
/// when there is nothing but several hosts.
DeviceSet device_set_of(std::span<const Device> requested);

/// Whether a run lies partly in host memory: llama.cpp on devices that have one beside them.
bool beside_host(const Candidate& candidate, const Run& run, const DeviceSet& devices);

/// What a companion takes of a run, on each slot and on the host.
struct CompanionNeed {
  const Companion* companion = nullptr;
  std::vector<Need> slots;
  Need host;
};

/// What each slot and the host need when the run is laid out over the slots in whole layers, as evenly as their budgets
/// allow. Companions are counted in. Parts that cannot be told are absent.
struct Layout {
  std::vector<Need> slots;
  std::vector<std::uint64_t> layers;  ///< blocks on each slot
  std::vector<std::uint64_t> shares;  ///< llama.cpp's --tensor-split: blocks and the output layer
  std::optional<std::size_t> output;  ///< the slot with the output layer
  Need host;
  std::uint64_t host_layers = 0;
  std::vector<CompanionNeed> companions = {};  ///< counted above
};

Layout lay_out(Candidate& candidate, const Run& run, const DeviceSet& devices);

}  // namespace weigh::core
