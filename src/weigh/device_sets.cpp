#include "src/weigh/device_sets.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "formats/error.h"
#include "src/detect/detect.h"
#include "src/devices/budget.h"
#include "src/devices/text.h"

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
  if (group.host && local.host) group.host->source = HostSource::Detected;
  group.label.id = "local";
  return group;
}

// What `get` returns; its complaint says which option it is about.
template <typename Get>
auto named(std::string_view option, const Get& get) {
  try {
    return get();
  } catch (const UsageError& error) {
    throw UsageError(std::string(option) + error.what());
  }
}

// The requests in one: a comma parts them, but not in "MacBook Pro (14-inch, M3 Pro)".
std::vector<std::string> parted(std::string_view requests) {
  std::vector<std::string> parts(1);
  std::size_t open = 0;
  for (const char c : requests) {
    if (c == '(') ++open;
    if (c == ')' && open > 0) --open;
    if (c == ',' && open == 0) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

}  // namespace

std::vector<std::string> or_this_machine(std::vector<std::string> requests, const Machine& machine,
                                         const Catalogue& catalogue) {
  if (requests.empty() && !detect(machine, catalogue).accelerators.empty()) requests.emplace_back("local");
  return requests;
}

std::vector<DeviceSet> resolve_groups(const Catalogue& catalogue, const std::vector<std::string>& requests,
                                      const std::string& host, bool together) {
  std::optional<HostMemory> given;
  if (!host.empty()) given = given_host(named("--host ", [&] { return catalogue.resolve(host); }).memory_bytes);
  std::vector<DeviceSet> groups;
  std::vector<Device> all;
  std::vector<std::string> single;
  for (const std::string& request : requests) std::ranges::move(parted(request), std::back_inserter(single));
  for (const std::string& request : single) {
    if (lower_words(request) == std::vector<std::string>{"local"}) {
      DeviceSet local = local_group(catalogue);
      for (const Slot& slot : local.slots) all.push_back(slot.device);
      if (local.host) all.push_back(local.host->slot.device);
      groups.push_back(std::move(local));
    } else {
      all.push_back(named("--on ", [&] { return catalogue.resolve(request); }));
      groups.push_back(device_set_of(all.back()));
    }
  }
  if (together && !groups.empty()) groups = {named("--together: ", [&] { return device_set_of(all); })};
  for (DeviceSet& group : groups) {
    if (group.host && given) group.host = given;
  }
  return groups;
}

}  // namespace weigh::core
