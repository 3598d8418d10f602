#include "src/detect/detect.h"

#include <map>
#include <set>

#include "src/devices/budget.h"
#include "src/devices/units.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

/// A machine as it was recorded.
class Recorded : public Machine {
 public:
  std::map<std::string, std::string> files;
  std::map<std::string, std::string> controls;
  std::vector<NvidiaDevice> cards;
  std::optional<std::uint64_t> metal;

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
  [[nodiscard]] std::optional<std::uint64_t> metal_working_set() const override { return metal; }

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

TEST_CASE("a card is known by the driver's name and its memory") {
  struct Case {
    std::string name;
    std::uint64_t bytes;
    std::string id;
  };
  const std::vector<Case> cases = {
      {"NVIDIA A100-SXM4-80GB", 81920 * kMiB, "a100-sxm-80gb"},
      {"NVIDIA A100-SXM4-40GB", 40960 * kMiB, "a100-40gb"},
      {"NVIDIA H100 80GB HBM3", 81559 * kMiB, "h100-sxm"},
      {"NVIDIA H100 PCIe", 81559 * kMiB, "h100-pcie"},
      {"NVIDIA GeForce RTX 4060 Laptop GPU", 8188 * kMiB, "rtx-4060-laptop"},
      {"NVIDIA GeForce RTX 3080", 12288 * kMiB, "rtx-3080-12gb"},
      {"Tesla V100-SXM2-32GB", 32510 * kMiB, "v100-32gb"},
      {"NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", 97887 * kMiB, "rtx-pro-6000-max-q"},
      {"NVIDIA GeForce RTX 4090", 49140 * kMiB, "local-gpu-0"},  // rebuilt with twice the memory
      {"NVIDIA Graphics Device", 24564 * kMiB, "local-gpu-0"},
  };
  for (const Case& row : cases) {
    CAPTURE(row.name);
    Recorded machine;
    machine.cards = {{row.name, row.bytes, row.bytes / 2}};
    const LocalDevices local = detected(machine);
    REQUIRE(local.accelerators.size() == 1);
    CHECK(local.accelerators[0].id == row.id);
    CHECK(local.accelerators[0].memory_bytes == row.bytes);
  }
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
  machine.controls["machdep.cpu.brand_string"] = "Intel(R) Core(TM) i9-9880H CPU @ 2.30GHz";
  local = detected(machine);
  CHECK(local.accelerators.empty());
  REQUIRE(local.host);
  CHECK(local.host->kind == DeviceKind::Cpu);
  CHECK(local.host->memory_bytes == 64 * kGiB);
}

TEST_CASE("a Mac's limit is Metal's, else what was set by hand, else the default") {
  struct Case {
    const char* what;
    std::optional<std::uint64_t> metal;
    const char* wired_mib;
    std::uint64_t limit, safe;
    BudgetRule rule;
  };
  constexpr std::uint64_t kShare = 48103633715;  // 70 % of 64 GiB
  constexpr BudgetRule kUsual = BudgetRule::AppleShare;
  const std::vector<Case> cases{
      {"neither", std::nullopt, "0", 48 * kGiB, kShare, kUsual},
      {"Metal, macOS 26", 55662790000, "0", 55662790000, kShare, kUsual},
      {"Metal follows the setting", 40 * kGiB, "57344", 40 * kGiB, 40 * kGiB, BudgetRule::AppleLimit},
      {"raised by hand", std::nullopt, "57344", 56 * kGiB, kShare, kUsual},
      {"lowered by hand", std::nullopt, "32768", 32 * kGiB, 32 * kGiB, BudgetRule::AppleLimit},
      {"Metal above memory", 80 * kGiB, "0", 64 * kGiB, kShare, kUsual},
      {"a setting above everything", std::nullopt, "18446744073709551615", 64 * kGiB, kShare, kUsual},
      {"a setting that is no number", std::nullopt, "-1", 48 * kGiB, kShare, kUsual},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Recorded machine;
    machine.controls = {{"hw.memsize", "68719476736"},
                        {"machdep.cpu.brand_string", "Apple M1 Max"},
                        {"iogpu.wired_limit_mb", c.wired_mib}};
    machine.metal = c.metal;
    const LocalDevices local = detected(machine);
    REQUIRE(local.accelerators.size() == 1);
    const Budget budget = budget_of(local.accelerators[0]);
    CHECK(budget.limit == c.limit);
    CHECK(budget.safe == c.safe);
    CHECK(budget.rule == c.rule);
  }
}

TEST_CASE("the rule says whether what is free or what there is decides") {
  constexpr std::uint64_t kCard = 24564 * kMiB;
  const std::string unified = "/sys/class/drm/card0/device/";
  struct Case {
    const char* what;
    std::vector<NvidiaDevice> cards;
    std::map<std::string, std::string> files;
    BudgetRule rule;
    bool limit_is_free;
  };
  const std::vector<Case> cases{
      {"a busy card", {{"NVIDIA GeForce RTX 4090", kCard, 9000 * kMiB}}, {}, BudgetRule::FreeLessMargin, true},
      {"an idle card", {{"NVIDIA GeForce RTX 4090", kCard, 24100 * kMiB}}, {}, BudgetRule::ShareOfMemory, true},
      {"a card that does not tell what is free",
       {},
       {{unified + "vendor", "0x1002\n"}, {unified + "mem_info_vram_total", "8589934592\n"}},
       BudgetRule::MemoryLessDriver,
       false},
      {"a busy unit within the processor",
       {},
       {{unified + "vendor", "0x1002\n"},
        {unified + "mem_info_vram_total", "536870912\n"},
        {unified + "mem_info_vram_used", "536870912\n"},
        {unified + "mem_info_gtt_total", "34359738368\n"},
        {unified + "mem_info_gtt_used", "4294967296\n"}},
       BudgetRule::UnifiedLessMargin,
       true},
      {"main memory in use",
       {},
       {{"/proc/meminfo", "MemTotal: 67108864 kB\nMemAvailable: 8388608 kB\n"}},
       BudgetRule::CpuFree,
       true},
      {"main memory hardly used",
       {},
       {{"/proc/meminfo", "MemTotal: 67108864 kB\nMemAvailable: 65011712 kB\n"}},
       BudgetRule::CpuLessSystem,
       true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Recorded machine;
    machine.files = c.files;
    machine.files.try_emplace("/proc/meminfo", kMeminfo);
    machine.cards = c.cards;
    const LocalDevices local = detected(machine);
    REQUIRE(local.host);
    const Device& device = local.accelerators.empty() ? *local.host : local.accelerators.front();
    const Budget budget = budget_of(device);
    CHECK(budget.rule == c.rule);
    CHECK(budget.limit_is_free == c.limit_is_free);
  }
}
