#include "src/detect/detect.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>

#include "formats/text.h"
#include "src/devices/names.h"
#include "src/devices/units.h"

namespace weigh::core {

namespace {

using Bytes = std::optional<std::uint64_t>;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\0";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

Bytes number(std::string_view text, int base = 10) {
  text = trimmed(text);
  if (base == 16 && text.starts_with("0x")) text.remove_prefix(2);
  return parse_uint(text, base);
}

Bytes number_in(const Machine& machine, const std::string& path) {
  const auto text = machine.read(path);
  return text ? number(*text) : std::nullopt;
}

std::uint64_t bounded(std::uint64_t bytes) { return std::min(bytes, kMaxDeviceBytes); }

// The line "KEY:   123 kB" of /proc/meminfo, in bytes.
Bytes meminfo(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(key) || line.substr(key.size(), 1) != ":") continue;
    std::string_view value = trimmed(line.substr(key.size() + 1));
    if (!value.ends_with("kB")) return std::nullopt;
    value.remove_suffix(2);
    const Bytes kib = number(value);
    constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max() / 1024;
    return kib && *kib <= kMax ? Bytes(*kib * 1024) : std::nullopt;
  }
  return std::nullopt;
}

std::string_view line_value(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && trimmed(line.substr(0, colon)) == key)
      return trimmed(line.substr(colon + 1));
  }
  return {};
}

struct Limit {
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t left = std::numeric_limits<std::uint64_t>::max();
};

// One hierarchy's controls, from the process's own group up to the root: the tightest counts.
void tighten(const Machine& machine, const std::string& root, std::string group, const char* most_file,
             const char* used_file, Limit& limit) {
  for (std::size_t depth = 0; depth < 64; ++depth) {
    const std::string folder = root + (group == "/" ? "" : group) + "/";
    const Bytes most = number_in(machine, folder + most_file);
    if (most) {
      limit.most = std::min(limit.most, *most);
      const std::uint64_t used = number_in(machine, folder + used_file).value_or(0);
      limit.left = std::min(limit.left, *most - std::min(*most, used));
    }
    if (group.empty() || group == "/") return;
    group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
  }
}

// /proc/self/cgroup has "0::/path" for version 2 and "5:memory:/path" for version 1. Inside of a container the path is
// that of the host and not to be seen: the root of what is there is tried as well.
Limit cgroup_limit(const Machine& machine) {
  Limit limit;
  const std::string text = machine.read("/proc/self/cgroup").value_or("");
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string path(trimmed(line.substr(second + 1)));
    if (path.find("..") != std::string::npos) continue;
    if (controllers.empty()) {
      tighten(machine, "/sys/fs/cgroup", path, "memory.max", "memory.current", limit);
    } else if (("," + std::string(controllers) + ",").find(",memory,") != std::string::npos) {
      tighten(machine, "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", "memory.usage_in_bytes", limit);
    }
  }
  return limit;
}

std::optional<Device> host_memory(const Machine& machine) {
  const auto text = machine.read("/proc/meminfo");
  const Bytes total = text ? meminfo(*text, "MemTotal") : std::nullopt;
  if (!total || *total == 0) return std::nullopt;
  const Limit limit = cgroup_limit(machine);
  const std::uint64_t available = meminfo(*text, "MemAvailable").value_or(*total);
  Device host;
  host.id = "local-cpu";
  host.kind = DeviceKind::Cpu;
  const std::string cpuinfo = machine.read("/proc/cpuinfo").value_or("");
  const std::string_view model = line_value(cpuinfo, "model name");
  host.name = model.empty() ? "main memory" : std::string(model);
  if (limit.most < *total) host.name += ", limited by its control group";
  host.memory_bytes = bounded(std::min(*total, limit.most));
  host.limit_bytes = std::min({available, limit.left, host.memory_bytes});
  host.limit_is_free = true;
  return host;
}

bool has_about(const Device& device, std::uint64_t memory) {
  const std::uint64_t apart = std::max(device.memory_bytes, memory) - std::min(device.memory_bytes, memory);
  return device.count == 1 && apart <= memory / 16;
}

// The catalogue's device that the driver's `name` means, with about as much memory: "GeForce RTX 5060 Ti" leaves the size
// out. Of a name with more in it, such as "Navi 31 [Radeon RX 7900 XT/7900 XTX]", the longest that stands there.
const Device* known_as(const Catalogue& catalogue, std::string_view name, std::uint64_t memory) {
  const NamedDevices named = devices_named(catalogue.devices(), name);
  const auto fits = [&](const Device* device) { return has_about(*device, memory); };
  const auto first = std::ranges::find_if(named.devices, fits);
  if (first != named.devices.end() && std::none_of(first + 1, named.devices.end(), fits)) return *first;

  const std::string wanted = lower(name);
  const Device* best = nullptr;
  for (const Device& device : catalogue.devices()) {
    std::string known = lower(device.name);
    if (const std::size_t size = known.rfind(' '); size != std::string::npos && known.ends_with("gb"))
      known.resize(size);
    if (wanted.find(known) == std::string::npos || !has_about(device, memory)) continue;
    if (best == nullptr || device.name.size() > best->name.size()) best = &device;
  }
  return best;
}

Device accelerator(const Catalogue& catalogue, std::string_view name, std::string_view vendor, std::uint64_t total,
                   Bytes free, std::size_t index) {
  Device device;
  if (const Device* known = known_as(catalogue, name, total)) device = *known;
  if (device.id.empty()) {
    device.id = fmt::format("local-gpu-{}", index);
    device.kind = DeviceKind::DiscreteGpu;
    device.vendor = vendor;
    device.maker = vendor;
  }
  device.name = name.empty() ? fmt::format("{} graphics", vendor) : std::string(name);
  device.memory_bytes = bounded(total);
  device.limit_bytes = free ? Bytes(std::min(*free, device.memory_bytes)) : std::nullopt;
  device.limit_is_free = free.has_value();
  device.count = device.asked = 1;
  device.common = false;
  return device;
}

bool is_card(std::string_view name) {
  return name.starts_with("card") && name.find_first_not_of("0123456789", 4) == std::string_view::npos &&
         name.size() > 4;
}

// A region of PCI address space: the third line of `resource` is "0xSTART 0xEND 0xFLAGS".
Bytes third_region(std::string_view text) {
  for (int skipped = 0; skipped < 2; ++skipped) text.remove_prefix(std::min(text.size(), text.find('\n') + 1));
  const std::string_view line = trimmed(text.substr(0, text.find('\n')));
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view behind = line.substr(space + 1);
  const Bytes start = number(line.substr(0, space), 16);
  const Bytes end = number(behind.substr(0, behind.find(' ')), 16);
  return start && end && *end > *start ? Bytes(*end - *start + 1) : std::nullopt;
}

class Cards {
 public:
  Cards(const Machine& machine, const Catalogue& catalogue, std::uint64_t host_bytes)
      : machine_(machine), catalogue_(catalogue), host_bytes_(host_bytes) {}

  void add_all(std::vector<Device>& devices) const {
    const std::string root = "/sys/class/drm";
    for (const std::string& card : machine_.list(root)) {
      if (!is_card(card)) continue;
      const std::string folder = root + "/" + card;
      const auto vendor = number(machine_.read(folder + "/device/vendor").value_or(""), 16);
      std::optional<Device> device;
      if (vendor == 0x1002U) device = amd(folder + "/device/", devices.size());
      if (vendor == 0x8086U) device = intel(folder, devices.size());
      if (device) devices.push_back(std::move(*device));
    }
  }

 private:
  [[nodiscard]] std::string name_at(const std::string& path) const {
    return std::string(trimmed(machine_.read(path).value_or("")));
  }

  [[nodiscard]] std::optional<Device> amd(const std::string& folder, std::size_t index) const {
    const Bytes total = number_in(machine_, folder + "mem_info_vram_total");
    if (!total || *total == 0) return std::nullopt;
    const Bytes used = number_in(machine_, folder + "mem_info_vram_used");
    const Bytes free = used ? Bytes(*total - std::min(*total, *used)) : std::nullopt;
    std::string name = name_at(folder + "product_name");
    const Bytes shared = number_in(machine_, folder + "mem_info_gtt_total");
    constexpr std::uint64_t kCarvedOut = 4 * kGiB;
    if (*total > kCarvedOut || !shared || *shared <= *total) {
      return accelerator(catalogue_, name, "AMD", *total, free, index);
    }
    // A graphics unit within the processor: what it uses is main memory.
    Device device = accelerator(catalogue_, name, "AMD", std::max(host_bytes_, *total + *shared), std::nullopt, index);
    const std::uint64_t shared_used = number_in(machine_, folder + "mem_info_gtt_used").value_or(0);
    device.kind = DeviceKind::Unified;
    device.limit_bytes = free.value_or(*total) + *shared - std::min(*shared, shared_used);
    device.limit_is_free = true;
    return device;
  }

  // The drivers differ in what they tell: the older one has files, of the newer the card's memory window shows it.
  [[nodiscard]] std::optional<Device> intel(const std::string& folder, std::size_t index) const {
    constexpr std::uint64_t kLeast = 2 * kGiB;  // less is a window on a part of it, or the processor's own unit
    Bytes total = number_in(machine_, folder + "/lmem_total_bytes");
    if (!total) total = third_region(machine_.read(folder + "/device/resource").value_or(""));
    if (!total || *total < kLeast) return std::nullopt;
    const Bytes free = number_in(machine_, folder + "/lmem_avail_bytes");
    return accelerator(catalogue_, name_at(folder + "/device/product_name"), "Intel", *total, free, index);
  }

  const Machine& machine_;
  const Catalogue& catalogue_;
  std::uint64_t host_bytes_;
};

// Metal's own word counts, which follows what was set by hand; without it that setting, where 0 is the default. Above
// memory both may be.
Bytes apple_limit(const Machine& machine) {
  if (const Bytes metal = machine.metal_working_set()) return metal;
  const Bytes wired = number(machine.sysctl("iogpu.wired_limit_mb").value_or("0"));
  if (!wired || *wired == 0) return std::nullopt;
  return std::min(*wired, kMaxDeviceBytes / kMiB) * kMiB;
}

std::optional<Device> apple(const Machine& machine, const Catalogue& catalogue) {
  const auto memory = machine.sysctl("hw.memsize");
  const Bytes total = memory ? number(*memory) : std::nullopt;
  if (!total || *total == 0) return std::nullopt;
  const std::string name = machine.sysctl("machdep.cpu.brand_string").value_or("Apple");
  Device device;
  std::string words = lower(name) + fmt::format(" {}gb", *total / kGiB);
  if (words.starts_with("apple ")) words.erase(0, 6);
  std::ranges::replace(words, ' ', '-');
  for (const Device& known : catalogue.devices()) {
    if (known.id == words) device = known;
  }
  device.id = device.id.empty() ? "local-mac" : device.id;
  device.name = name;
  device.memory_bytes = bounded(*total);
  device.common = false;
  if (name.find("Intel") != std::string::npos) {  // its graphics cards are not asked for
    device.kind = DeviceKind::Cpu;
    return device;
  }
  device.vendor = device.maker = "Apple";
  device.kind = DeviceKind::AppleUnified;
  if (const Bytes limit = apple_limit(machine)) device.limit_bytes = std::min(*limit, device.memory_bytes);
  return device;
}

}  // namespace

LocalDevices detect(const Machine& machine, const Catalogue& catalogue) {
  LocalDevices local;
  if (auto mac = apple(machine, catalogue)) {
    if (mac->kind == DeviceKind::Cpu) {
      local.host = std::move(mac);
    } else {
      local.accelerators.push_back(std::move(*mac));
    }
    return local;
  }
  local.host = host_memory(machine);
  for (const NvidiaDevice& found : machine.nvidia()) {
    if (found.total_bytes == 0) continue;
    local.accelerators.push_back(
        accelerator(catalogue, found.name, "NVIDIA", found.total_bytes, found.free_bytes, local.accelerators.size()));
  }
  Cards(machine, catalogue, local.host ? local.host->memory_bytes : 0).add_all(local.accelerators);
  return local;
}

}  // namespace weigh::core
