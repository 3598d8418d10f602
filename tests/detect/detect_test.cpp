#include "src/detect/detect.h"

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "src/devices/budget.h"
#include "src/devices/units.h"

using namespace weigh;

namespace {

/// A machine as it was recorded.
class Recorded : public Machine {
 public:
  std::map<std::string, std::string> files;
  std::map<std::string, std::string> controls;
  std::vector<NvidiaDevice> cards;

  [[nodiscard]] std::optional<std::string> read(const std::string& path) const override { return find(files, path); }
  [[nodiscard]] std::vector<std::string> list(const std::string& path) const override {
    std::set<std::string> names;
    for (auto it = files.lower_bound(path + "/"); it != files.end() && it->first.starts_with(path + "/"); ++it) {
      const std::string rest = it->first.substr(path.size() + 1);
      names.insert(rest.substr(0, rest.find('/')));
    }
    return {names.begin(), names.end()};
  }
  [[nodiscard]] std::optional<std::string> sysctl(const std::string& name) const override {
    return find(controls, name);
  }
  [[nodiscard]] std::vector<NvidiaDevice> nvidia() const override { return cards; }

 private:
  static std::optional<std::string> find(const std::map<std::string, std::string>& map, const std::string& key) {
    const auto found = map.find(key);
    return found == map.end() ? std::nullopt : std::optional(found->second);
  }
};

constexpr const char* kMeminfo =
    "MemTotal:       65536000 kB\nMemFree:         1000000 kB\nMemAvailable:   48000000 kB\nBuffers:  1 kB\n";
constexpr std::uint64_t kTotal = std::uint64_t{65536000} * 1024;
constexpr std::uint64_t kAvailable = std::uint64_t{48000000} * 1024;

LocalDevices detected(const Machine& machine) { return detect(machine, Catalogue::built_in()); }

}  // namespace

TEST_CASE("an empty machine has nothing, and that is no error") {
  const LocalDevices local = detected(Recorded());
  CHECK(local.accelerators.empty());
  CHECK_FALSE(local.host);
}

TEST_CASE("main memory is what this process may use of it") {
  struct Case {
    const char* what;
    std::map<std::string, std::string> files;
    std::uint64_t memory;
    std::uint64_t limit;
  };
  const std::vector<Case> cases{
      {"no control group", {}, kTotal, kAvailable},
      {"version 2, a limit above",
       {{"/proc/self/cgroup", "0::/user/run\n"},
        {"/sys/fs/cgroup/user/run/memory.max", "max\n"},
        {"/sys/fs/cgroup/user/memory.max", "8589934592\n"},
        {"/sys/fs/cgroup/user/memory.current", "1073741824\n"}},
       8 * kGiB,
       7 * kGiB},
      {"version 2 in a container: the root is its own",
       {{"/proc/self/cgroup", "0::/docker/abc\n"}, {"/sys/fs/cgroup/memory.max", "4294967296\n"}},
       4 * kGiB,
       4 * kGiB},
      {"version 1",
       {{"/proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/x\n"},
        {"/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "2147483648\n"},
        {"/sys/fs/cgroup/memory/x/memory.usage_in_bytes", "3000000000\n"}},
       2 * kGiB,
       0},
      {"version 1 without a limit",
       {{"/proc/self/cgroup", "4:memory:/\n"},
        {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"}},
       kTotal,
       kAvailable},
      {"nonsense",
       {{"/proc/self/cgroup", "::::\n\n0:/\n0::/../../etc\n"}, {"/sys/fs/cgroup/memory.max", "-3"}},
       kTotal,
       kAvailable},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Recorded machine;
    machine.files = c.files;
    machine.files["/proc/meminfo"] = kMeminfo;
    machine.files["/proc/cpuinfo"] = "processor\t: 0\nmodel name\t: Some CPU\nflags\t: a b\n";
    const LocalDevices local = detected(machine);
    REQUIRE(local.host);
    CHECK(local.host->kind == DeviceKind::Cpu);
    CHECK(local.host->memory_bytes == c.memory);
    CHECK(local.host->limit_bytes == c.limit);
    CHECK(local.host->name.starts_with("Some CPU"));
  }
  for (const char* text : {"", "MemTotal: many kB\n", "MemTotal: 0 kB\n", "MemTotal: 99999999999999999999 kB\n",
                           "MemTotal:  18446744073709551615 kB\n", "MemTotal"}) {
    Recorded machine;
    machine.files["/proc/meminfo"] = text;
    CHECK_FALSE(detected(machine).host);
  }
}

TEST_CASE("NVIDIA cards have the catalogue's bandwidth and their own memory") {
  Recorded machine;
  machine.files["/proc/meminfo"] = kMeminfo;
  machine.cards = {{"NVIDIA GeForce RTX 4090", 25757220864, 20000000000},
                   {"NVIDIA GeForce RTX 5060 Ti", 17103323136, 17000000000},
                   {"NVIDIA GeForce RTX 5060 Ti", 8546942976, 8000000000},
                   {"NVIDIA Something New", 10 * kGiB, 9 * kGiB}};
  const LocalDevices local = detected(machine);
  REQUIRE(local.accelerators.size() == 4);
  CHECK(local.accelerators[0].id == "rtx-4090");
  CHECK(local.accelerators[0].bandwidth_bytes_per_second == 1008000000000U);
  CHECK(budget_of(local.accelerators[0]).memory == 25757220864);
  CHECK(budget_of(local.accelerators[0]).limit == 20000000000);
  CHECK(local.accelerators[1].id == "rtx-5060-ti-16gb");
  CHECK(local.accelerators[2].id == "rtx-5060-ti-8gb");
  CHECK(local.accelerators[3].kind == DeviceKind::DiscreteGpu);
  CHECK_FALSE(local.accelerators[3].bandwidth_bytes_per_second);
}

TEST_CASE("AMD and Intel cards are found in sysfs") {
  Recorded machine;
  machine.files = {
      {"/proc/meminfo", kMeminfo},
      {"/sys/class/drm/card0/device/vendor", "0x1002\n"},
      {"/sys/class/drm/card0/device/mem_info_vram_total", "25753026560\n"},
      {"/sys/class/drm/card0/device/mem_info_vram_used", "1073741824\n"},
      {"/sys/class/drm/card0/device/mem_info_gtt_total", "33554432000\n"},
      {"/sys/class/drm/card0/device/product_name", "AMD Radeon RX 7900 XTX\n"},
      {"/sys/class/drm/card0-DP-1/status", "connected\n"},
      {"/sys/class/drm/card1/device/vendor", "0x1002\n"},
      {"/sys/class/drm/card1/device/mem_info_vram_total", "536870912\n"},
      {"/sys/class/drm/card1/device/mem_info_gtt_total", "33554432000\n"},
      {"/sys/class/drm/card2/device/vendor", "0x8086\n"},
      {"/sys/class/drm/card2/device/resource",
       "0x0000006001000000 0x0000006001ffffff 0x0000000000140204\n"
       "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
       "0x0000004000000000 0x00000043ffffffff 0x000000000014220c\n"},
      {"/sys/class/drm/card3/device/vendor", "0x8086\n"},  // the processor's own
      {"/sys/class/drm/card3/device/resource", "0x1 0x2 0x3\n"},
      {"/sys/class/drm/card4/device/vendor", "0x1a03\n"},  // a server's console
  };
  const LocalDevices local = detected(machine);
  REQUIRE(local.accelerators.size() == 3);
  CHECK(local.accelerators[0].kind == DeviceKind::DiscreteGpu);
  CHECK(local.accelerators[0].memory_bytes == 25753026560);
  CHECK(local.accelerators[0].limit_bytes == 25753026560 - kGiB);
  CHECK(local.accelerators[0].bandwidth_bytes_per_second);
  CHECK(local.accelerators[1].kind == DeviceKind::Unified);
  CHECK(local.accelerators[1].memory_bytes == kTotal);
  CHECK(local.accelerators[1].limit_bytes == 536870912U + 33554432000U);
  CHECK(local.accelerators[2].vendor == "Intel");
  CHECK(local.accelerators[2].memory_bytes == 16 * kGiB);
}

TEST_CASE("a Mac is one chip with one memory") {
  Recorded machine;
  machine.controls = {{"hw.memsize", "68719476736"}, {"machdep.cpu.brand_string", "Apple M1 Max"}};
  LocalDevices local = detected(machine);
  REQUIRE(local.accelerators.size() == 1);
  CHECK_FALSE(local.host);
  CHECK(local.accelerators[0].id == "m1-max-64gb");
  CHECK(budget_of(local.accelerators[0]).limit == 48 * kGiB);
  CHECK(local.accelerators[0].bandwidth_bytes_per_second);
  machine.controls["iogpu.wired_limit_mb"] = "57344";
  local = detected(machine);
  CHECK(budget_of(local.accelerators[0]).limit == 56 * kGiB);
}
