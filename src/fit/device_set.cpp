#include "src/fit/device_set.h"

#include <algorithm>
#include <string>
#include <utility>

#include "formats/error.h"
#include "src/devices/units.h"

namespace weigh::core {

Slot::Slot(Device one) : device(std::move(one)), budget(budget_of(device)) {}

bool DeviceSet::alike() const {
  return std::ranges::all_of(slots, [&](const Slot& slot) { return slot.device.id == slots.front().device.id; });
}

namespace {

bool have_host_memory(const std::vector<Slot>& slots) {
  return std::ranges::all_of(slots, has_host_memory, &Slot::device);
}

}  // namespace

HostMemory given_host(std::uint64_t bytes) {
  constexpr std::uint64_t kTwoChannels = 89'600'000'000;  // of DDR5-5600, as most machines with a card have
  Device host;
  host.bandwidth_bytes_per_second = kTwoChannels;
  host.id = host.name = "host";
  host.kind = DeviceKind::Cpu;
  host.memory_bytes = bytes;
  return {Slot(host), HostSource::Given};
}

HostMemory assumed_host() {
  HostMemory host = given_host(32 * kGiB);
  host.source = HostSource::Assumed;
  return host;
}

DeviceSet device_set_of(const Device& device, const HostMemory& host) {
  DeviceSet devices{.label = device, .slots = {}, .host = std::nullopt};
  Device one = device;
  one.count = one.asked = 1;
  devices.slots.assign(device.count, Slot(std::move(one)));
  if (have_host_memory(devices.slots)) devices.host = host;
  return devices;
}

DeviceSet device_set_of(std::span<const Device> requested) {
  DeviceSet devices;
  std::string names;
  for (const Device& device : requested) {
    names += (names.empty() ? "" : " + ") + (device.asked > 1 ? std::to_string(device.asked) + "x " : "") + device.id;
    if (device.kind == DeviceKind::Cpu && requested.size() > 1) {
      if (devices.host) throw UsageError("names more than one host");
      devices.host = HostMemory{Slot(device), HostSource::Catalogue};
      continue;
    }
    const DeviceSet one = device_set_of(device);
    devices.slots.insert(devices.slots.end(), one.slots.begin(), one.slots.end());
  }
  if (devices.slots.empty()) throw UsageError("names no device");
  if (!devices.host && have_host_memory(devices.slots)) devices.host = assumed_host();
  devices.label = devices.slots.front().device;
  devices.label.id = names;
  devices.label.name = names;
  devices.label.count = static_cast<std::uint32_t>(std::min<std::size_t>(devices.slots.size(), kMaxDevices));
  return devices;
}

}  // namespace weigh::core
