#include "src/fit/device_set.h"

#include <algorithm>
#include <string>
#include <utility>

#include "formats/error.h"

namespace weigh::core {

Slot::Slot(Device one) : device(std::move(one)), budget_(budget_of(device)) {
  for (std::size_t i = 0; i < by_engine_.size(); ++i) by_engine_[i] = budget_of(device, static_cast<Engine>(i));
}

const Budget& Slot::budget(std::optional<Engine> engine) const {
  return engine ? by_engine_[static_cast<std::size_t>(*engine)] : budget_;
}

bool DeviceSet::alike() const {
  return std::ranges::all_of(slots, [&](const Slot& slot) { return slot.device.id == slots.front().device.id; });
}

bool DeviceSet::have_host_memory() const { return std::ranges::all_of(slots, has_host_memory, &Slot::device); }

DeviceSet device_set_of(const Device& device) {
  DeviceSet devices{.label = device, .slots = {}, .host = std::nullopt};
  Device one = device;
  one.count = one.asked = 1;
  devices.slots.assign(device.count, Slot(std::move(one)));
  return devices;
}

DeviceSet device_set_of(std::span<const Device> requested) {
  DeviceSet devices;
  std::string names;
  for (const Device& device : requested) {
    names += (names.empty() ? "" : " + ") + (device.asked > 1 ? std::to_string(device.asked) + "x " : "") + device.id;
    if (device.kind == DeviceKind::Cpu && requested.size() > 1) {
      if (devices.host) throw UsageError("names more than one host");
      devices.host = Slot(device);
      continue;
    }
    const DeviceSet one = device_set_of(device);
    devices.slots.insert(devices.slots.end(), one.slots.begin(), one.slots.end());
  }
  if (devices.slots.empty()) throw UsageError("names no device");
  devices.label = devices.slots.front().device;
  devices.label.id = names;
  devices.label.name = names;
  devices.label.count = static_cast<std::uint32_t>(std::min<std::size_t>(devices.slots.size(), kMaxDevices));
  return devices;
}

}  // namespace weigh::core
