#include "src/weigh/device_sets.h"

#include <algorithm>
#include <iterator>

#include "formats/error.h"
#include "src/detect/detect.h"
#include "src/devices/budget.h"

namespace weigh::core {
namespace {

// The cards of this machine with its main memory as their host, or that memory alone.
DeviceSet local_group(const Catalogue& catalogue) {
  const LocalDevices local = detect(*this_machine(), catalogue);
  std::vector<Device> devices;
  std::ranges::copy_if(local.accelerators, std::back_inserter(devices), has_host_memory);
  if (devices.empty() && !local.accelerators.empty()) devices = {local.accelerators.front()};
  if (local.host) devices.push_back(*local.host);
  if (devices.empty()) throw UsageError("--on local: found neither a device nor how much memory this machine has");
  const bool shared = !devices.empty() && !has_host_memory(devices.front());
  DeviceSet group = shared ? device_set_of(devices.front()) : device_set_of(devices);
  group.label.id = "local";
  return group;
}

}  // namespace

std::vector<DeviceSet> resolve_groups(const Catalogue& catalogue, const std::vector<std::string>& requests,
                                      bool together) {
  std::vector<DeviceSet> groups;
  std::vector<Device> all;
  for (const std::string& request : requests) {
    if (request == "local") {
      DeviceSet local = local_group(catalogue);
      all.insert(all.end(), local.slots.begin(), local.slots.end());
      if (local.host) all.push_back(*local.host);
      groups.push_back(std::move(local));
    } else {
      all.push_back(catalogue.resolve(request));
      groups.push_back(device_set_of(all.back()));
    }
  }
  if (!together || groups.empty()) return groups;
  return {device_set_of(all)};
}

}  // namespace weigh::core
