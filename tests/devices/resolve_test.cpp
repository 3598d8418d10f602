#include <algorithm>

#include "formats/error.h"
#include "src/devices/budget.h"
#include "src/devices/catalogue.h"
#include "src/devices/names.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

const Catalogue& catalogue() {
  static const Catalogue built_in = Catalogue::built_in();
  return built_in;
}

}  // namespace

TEST_CASE("a request: an id, a part of one, and a count before either") {
  struct Row {
    std::string request, id;
    std::uint32_t count;
  };
  const std::vector<Row> rows = {
      {"rtx-4090", "rtx-4090", 1},
      {"RTX-4090", "rtx-4090", 1},
      {"  rtx-4090 ", "rtx-4090", 1},
      {"rtx 4090", "rtx-4090", 1},
      {"RTX 4090 D", "rtx-4090-d", 1},
      {"4090", "rtx-4090", 1},  // no laptop, no pair
      {"4090-laptop", "rtx-4090-laptop", 1},
      {"spark", "dgx-spark", 1},
      {"GeForce RTX 4080 SUPER", "rtx-4080-super", 1},
      {"m2-ultra-19", "m2-ultra-192gb", 1},
      {"m1-16", "m1-16gb", 1},  // also in ipad-pro-m1-16gb, but only one begins so
      {"surface", "surface-laptop-studio-2", 1},
      {"macbook air 8gb", "macbook-air-8gb", 1},
      {"2x rtx-4090", "rtx-4090", 2},
      {"2xrtx-4090", "rtx-4090", 2},
      {"2 x rtx-4090", "rtx-4090", 2},
      {"2X RTX 4090", "rtx-4090", 2},
      {"1x rtx-4090", "rtx-4090", 1},
      {"4x dual-rtx-4090", "dual-rtx-4090", 8},
      {"4096x rtx-4090", "rtx-4090", 4096},
      {"dgx-h100", "dgx-h100", 8},
  };
  for (const Row& row : rows) {
    CAPTURE(row.request);
    const Device device = catalogue().resolve(row.request);
    CHECK(device.id == row.id);
    CHECK(device.count == row.count);
  }
}

TEST_CASE("a request: a size is exact, GiB binary and GB decimal, and nothing of it is held back") {
  struct Row {
    std::string request, id;
    std::uint64_t bytes;
    std::uint32_t count;
  };
  const std::vector<Row> rows = {
      {"24GiB", "24GiB", 25'769'803'776, 1},  {"24gib", "24GiB", 25'769'803'776, 1},
      {"24 GiB", "24GiB", 25'769'803'776, 1}, {"24G", "24GiB", 25'769'803'776, 1},
      {"24GB", "24GB", 24'000'000'000, 1},    {"24576MiB", "24576MiB", 25'769'803'776, 1},
      {"512M", "512MiB", 536'870'912, 1},     {"1.5TiB", "1.5TiB", 1'649'267'441'664, 1},
      {"1TB", "1TB", 1'000'000'000'000, 1},   {"2x 24GiB", "24GiB", 25'769'803'776, 2},
      {"1024TiB", "1024TiB", 1ull << 50, 1},  {"0.5GiB", "0.5GiB", 536'870'912, 1},
  };
  for (const Row& row : rows) {
    CAPTURE(row.request);
    const Device device = catalogue().resolve(row.request);
    CHECK(device.id == row.id);
    CHECK(device.kind == DeviceKind::Size);
    CHECK(device.memory_bytes == row.bytes);
    CHECK(device.count == row.count);
    const Budget budget = budget_of(device);
    CHECK(budget.memory == row.bytes);
    CHECK(budget.limit == row.bytes);
    CHECK(budget.safe == row.bytes);
    CHECK(budget.rule == BudgetRule::AsGiven);
  }
}

TEST_CASE("a request: what names no device is a usage error that says what to do") {
  struct Row {
    std::string request, message;
  };
  const std::vector<Row> rows = {
      {"rtx-409O", "rtx-409O: no such device; did you mean rtx-4090"},
      {"5070 ti super", "did you mean rtx-4070-ti-super"},
      {"NVIDIA GeForce RTX 2050", "no such device; did you mean rtx-5050"},
      {"7900xtx2", "no such device"},  // two of the XT, or the XTX and a 2
      {"rtx 3090 and rtx 4090", "no such device"},
      {"7900x", "no such device"},
      {"zzzzzzzz", "zzzzzzzz: no such device; 'weigh devices' lists them all"},
      {"", "names no device"},
      {"   ", "names no device"},
      {"local", "local: no such device"},
      {"0x rtx-4090", "0x rtx-4090: found a count"},
      {"4097x rtx-4090", "found a count that is not a whole number from 1 to 4096"},
      {"99999999999999999999x rtx-4090", "found a count"},
      {"1000x dgx-h100", "found more than 4096 devices"},
      {"2x", "found a count without a device"},
      {"2x 2x rtx-4090", "no such device"},
      {"0gb card", "found a size"},
      {"9999999gb card", "found a size"},
      {"999999tb card", "no such device"},
      {std::string(40, '9') + "gb card", "no such device"},
      {"1.5GB card", "no such device"},
      {"24GB RAM", "no such device of that size; there is ram-8gb, ram-16gb"},
      {"2080 ti 22gb", "2080 ti 22gb: no such device of that size; there is rtx-2080-ti"},
      {"4060 16gb", "no such device of that size; there is rtx-4060-ti-16gb"},  // the plain card has 8
      {"4090 16gb", "no such device of that size; there is rtx-4090-laptop"},
      {"0GiB", "found a size"},
      {"0.0000001GiB", "found a size"},
      {"1025TiB", "found a size"},
      {"16777216TiB", "found a size"},
      {"99999999999999999999GiB", "found a size"},
      {"1.2.3GiB", "found a size"},
      {".5GiB", "found a size"},
      {"-24GiB", "no such device"},
      {"24XiB", "no such device"},
      {"\x01\xFF", "no such device"},
      {std::string(100'000, 'a'), "no such device"},
      {std::string(100'000, '9'), "no such device"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.request.substr(0, 100));
    CHECK_THROWS_AS(catalogue().resolve(row.request), UsageError);
    CHECK_THROWS_WITH(catalogue().resolve(row.request), contains_text(row.message));
  }
}

TEST_CASE("a request: what people and tools call a device") {
  struct Row {
    std::string request, id;
    std::uint32_t count = 1;
  };
  const std::vector<Row> rows = {
      // together, apart, in any order and case
      {"rtx4060", "rtx-4060"},
      {"RTX 4060", "rtx-4060"},
      {"4060", "rtx-4060"},
      {"GeForce 4060", "rtx-4060"},
      {"rtx4060ti 8gb", "rtx-4060-ti-8gb"},
      {"4060ti16gb", "rtx-4060-ti-16gb"},
      {"4070tisuper", "rtx-4070-ti-super"},
      {"4080 super", "rtx-4080-super"},
      {"4080s", "rtx-4080-super"},
      {"4090d", "rtx-4090-d"},
      {"rtx 4060 mobile", "rtx-4060-laptop"},
      {"4060m", "rtx-4060-laptop"},
      {"4050", "rtx-4050-laptop"},  // there is no other
      {"3080", "rtx-3080"},
      {"3080 12gb", "rtx-3080-12gb"},
      {"5090 32GB", "rtx-5090"},
      {"rtx 4090 24 GB VRAM", "rtx-4090"},
      {"ASUS GeForce RTX 4090 graphics card", "rtx-4090"},
      {"7900xtx", "rx-7900-xtx"},
      {"7900 xtx", "rx-7900-xtx"},
      {"9070xt", "rx-9070-xt"},
      {"7900m", "rx-7900m"},
      {"vega64", "rx-vega-64"},
      {"w7900", "radeon-pro-w7900"},
      {"a6000", "rtx-a6000"},
      {"6000 ada", "rtx-6000-ada"},
      {"l40s", "l40s"},
      {"h100sxm", "h100-sxm"},
      {"h200-sxm", "h200"},
      {"strix halo 128gb", "ryzen-ai-max-395-128gb"},
      {"rpi 5 8gb", "raspberry-pi-5-8gb"},
      {"32gb ram", "ram-32gb"},
      {"iPhone 15 Pro Max", "iphone-15-pro"},
      {"p5.48xlarge", "p5-48xlarge", 8},
      {"gb10", "dgx-spark"},
      // nvidia-smi, rocm-smi, lspci, system_profiler
      {"NVIDIA GeForce RTX 4060", "rtx-4060"},
      {"NVIDIA GeForce RTX 4070 Laptop GPU", "rtx-4070-laptop"},
      {"NVIDIA GeForce RTX 2080 Super with Max-Q Design", "rtx-2080-super-laptop"},
      {"NVIDIA GeForce RTX 3050 6GB Laptop GPU", "rtx-3050-laptop-6gb"},
      {"GPU 0: NVIDIA GeForce RTX 3090 (UUID: GPU-1b2c3d4e-4060)", "rtx-3090"},
      {"NVIDIA Corporation GA102 [GeForce RTX 3090] (rev a1)", "rtx-3090"},
      {"NVIDIA A100-SXM4-80GB", "a100-sxm-80gb"},
      {"NVIDIA A100-SXM4-40GB", "a100-40gb"},
      {"NVIDIA A100 80GB PCIe", "a100-pcie-80gb"},
      {"NVIDIA H100 80GB HBM3", "h100-sxm"},
      {"NVIDIA H100 PCIe", "h100-pcie"},
      {"NVIDIA H100 NVL", "h100-nvl"},
      {"NVIDIA H200", "h200"},
      {"NVIDIA GH200 480GB", "gh200-96gb"},
      {"NVIDIA GH200 144G HBM3e", "gh200-144gb"},
      {"NVIDIA B200", "b200"},
      {"Tesla T4", "t4"},
      {"Tesla V100-SXM2-16GB", "v100-16gb"},
      {"Tesla V100S-PCIE-32GB", "v100s-32gb"},
      {"Tesla P40", "p40"},
      {"NVIDIA RTX 6000 Ada Generation", "rtx-6000-ada"},
      {"NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "rtx-pro-6000-blackwell"},
      {"NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", "rtx-pro-6000-max-q"},
      {"NVIDIA RTX PRO 6000 Blackwell Server Edition", "rtx-pro-6000-server"},
      {"NVIDIA RTX PRO 4000 Blackwell SFF Edition", "rtx-pro-4000-sff-blackwell"},
      {"Quadro RTX 6000", "quadro-rtx-6000"},
      {"AMD Radeon RX 7900 XTX", "rx-7900-xtx"},
      {"GPU[0] : Card Series: AMD Radeon RX 7900 XT", "rx-7900-xt"},
      {"AMD Instinct MI300X", "mi300x"},
      {"AMD INSTINCT MI250 (MCM) OAM AC MBA", "mi250"},
      {"Intel(R) Arc(TM) B580 Graphics", "arc-b580"},
      {"Chip: Apple M3 Max 64 GB", "m3-max-64gb"},
      // Macs by model
      {"MacBook Pro M3 18GB", "m3-pro-18gb"},
      {"MacBook Pro (14-inch, M3 Pro, 2023) 36 GB", "m3-pro-36gb"},
      {"MacBook Air M2 16GB", "m2-16gb"},
      {"MacBook Air M1 8GB", "m1-8gb"},
      {"macbook air 16gb", "macbook-air-16gb"},
      {"M4 Pro Mac mini 48GB", "m4-pro-48gb"},
      {"mac studio m2 ultra 192gb", "m2-ultra-192gb"},
      {"MacBook Air 13 M3 24GB", "m3-24gb"},
      {"iMac M3 24GB", "m3-24gb"},
      {"m3max64gb", "m3-max-64gb"},
      {"m3 max 64", "m3-max-64gb"},
      // counts
      {"3090x2", "rtx-3090", 2},
      {"3090 x2", "rtx-3090", 2},
      {"RTX 3090 (x2)", "rtx-3090", 2},
      {"3090 2x", "rtx-3090", 2},
      {"2x3090", "rtx-3090", 2},
      {"2 \xC3\x97 3090", "rtx-3090", 2},
      {"2 * 3090", "rtx-3090", 2},
      {"2 rtx-3090", "rtx-3090", 2},
      {"two 3090s", "rtx-3090", 2},
      {"a pair of 3090s", "rtx-3090", 2},
      {"dual 3090", "dual-rtx-3090", 2},
      {"dual 4060 ti 16gb", "rtx-4060-ti-16gb", 2},
      {"8x h200-sxm", "h200", 8},
      {"h100-sxm x 8", "h100-sxm", 8},
      {"8 x H100 80GB HBM3", "h100-sxm", 8},
      {"mi300x8", "mi300x", 8},
      {"2x 7900xtx", "rx-7900-xtx", 2},
  };
  for (const Row& row : rows) {
    CAPTURE(row.request);
    const Device device = catalogue().resolve(row.request);
    CHECK(device.id == row.id);
    CHECK(device.count == row.count);
  }
}

TEST_CASE("a request: every device is found by its name and by its id written together") {
  for (const Device& device : catalogue().devices()) {
    if (!device.member.empty()) continue;
    std::string together;
    for (std::size_t i = 0; i < device.id.size(); ++i) {
      const auto is_digit = [&](std::size_t at) { return device.id[at] >= '0' && device.id[at] <= '9'; };
      if (device.id[i] != '-' || (is_digit(i - 1) && is_digit(i + 1))) together += device.id[i];
    }
    for (const std::string& request : {device.name, together}) {
      CAPTURE(request);
      const NamedDevices named = devices_named(catalogue().devices(), request);
      CHECK_FALSE(named.other_size);
      CHECK(std::ranges::find(named.devices, device.id, &Device::id) != named.devices.end());
    }
  }
}

TEST_CASE("a request: a card of a size is a discrete card with its maker's margins") {
  struct Row {
    std::string request, id, maker;
    std::uint64_t gib;
    std::uint32_t count = 1;
  };
  const std::vector<Row> rows = {
      {"8GB card", "8gb-card", "NVIDIA", 8},
      {"8 GB GPU", "8gb-card", "NVIDIA", 8},
      {"8GiB card", "8gb-card", "NVIDIA", 8},
      {"24gb vram card", "24gb-card", "NVIDIA", 24},
      {"16 gb vram", "16gb-card", "NVIDIA", 16},
      {"8gb-card", "8gb-card", "NVIDIA", 8},
      {"12 GB graphics card (NVIDIA)", "12gb-nvidia-card", "NVIDIA", 12},
      {"16GB Radeon", "16gb-amd-card", "AMD", 16},
      {"16gb-amd-card", "16gb-amd-card", "AMD", 16},
      {"16gb intel gpu", "16gb-intel-card", "Intel", 16},
      {"2x 24GB cards", "24gb-card", "NVIDIA", 24, 2},
      {"two 24gb cards", "24gb-card", "NVIDIA", 24, 2},
  };
  for (const Row& row : rows) {
    CAPTURE(row.request);
    const Device device = catalogue().resolve(row.request);
    CHECK(device.id == row.id);
    CHECK(device.kind == DeviceKind::DiscreteGpu);
    CHECK(device.maker == row.maker);
    CHECK(device.memory_bytes == row.gib << 30);
    CHECK(device.count == row.count);
    CHECK_THAT(device.name, contains_text("by the rule for " + row.maker + " cards"));
    const Budget budget = budget_of(device);
    const std::uint64_t driver = (row.maker == "NVIDIA" ? 512ull : 256ull) << 20;
    CHECK(budget.limit == device.memory_bytes - driver);
    CHECK(budget.safe <= budget.limit - (1ull << 30));
  }
  CHECK(catalogue().resolve("8GB").kind == DeviceKind::Size);
  CHECK(catalogue().resolve("512M").kind == DeviceKind::Size);
}

TEST_CASE("a request: what fits several is not guessed, above all no size of memory") {
  struct Row {
    std::string request, candidates;
  };
  const std::vector<Row> rows = {
      {"4060ti", "2 devices match: rtx-4060-ti-16gb, rtx-4060-ti-8gb"},
      {"NVIDIA GeForce GTX 1060", "2 devices match: gtx-1060-6gb, gtx-1060-3gb"},
      {"a100", "3 devices match: a100-sxm-80gb, a100-pcie-80gb, a100-40gb"},
      {"a100 80gb", "2 devices match: a100-sxm-80gb, a100-pcie-80gb"},
      {"v100", "2 devices match: v100-32gb, v100-16gb"},
      {"7900", "3 devices match: rx-7900-xtx, rx-7900-xt, rx-7900-gre"},
      {"rtx 4000", "2 devices match: rtx-pro-4000-blackwell, rtx-4000-ada"},
      {"Apple M3 Max", "5 devices match: m3-max-36gb, m3-max-48gb, m3-max-64gb, m3-max-96gb, m3-max-128gb"},
      {"mac mini m4", "3 devices match: m4-16gb, m4-24gb, m4-32gb"},
      {"m4 air", "3 devices match: m4-16gb, m4-24gb, m4-32gb"},
      {"MacBook Pro M3 36GB", "2 devices match: m3-pro-36gb, m3-max-36gb"},
      {"MacBook Pro 16\" M1 Pro", "2 devices match: m1-pro-16gb, m1-pro-32gb"},
      {"macbook pro 16 m1 pro", "2 devices match: m1-pro-16gb, m1-pro-32gb"},  // its screen, not its memory
      {"macbook air", "4 devices match: macbook-air-8gb, macbook-air-16gb, macbook-air-24gb, macbook-air-32gb"},
      {"jetson thor", "2 devices match: jetson-agx-thor, jetson-thor-t4000"},
      {"8xh100", "3 devices match: h100-sxm, h100-pcie, h100-nvl"},
      {"AMD RYZEN AI MAX+ 395 w/ Radeon 8060S", "2 devices match: ryzen-ai-max-395-128gb, ryzen-ai-max-395-64gb"},
  };
  for (const Row& row : rows) {
    CHECK_THROWS_WITH(catalogue().resolve(row.request), row.request + ": " + row.candidates + "; name one in full");
  }
  for (const std::string name : {"AMD Radeon Graphics", "NVIDIA", "24gb nvidia", "16GB", "2"}) {
    CAPTURE(name);
    CHECK(devices_named(catalogue().devices(), name).devices.empty());
  }
}

TEST_CASE("a request: an ambiguous part lists its candidates") {
  CHECK_THROWS_WITH(catalogue().resolve("m2-ultra"),
                    "m2-ultra: 3 devices match: m2-ultra-64gb, m2-ultra-128gb, m2-ultra-192gb; name one in full");
  // A bare chip name is never taken for the machine that ends in it.
  CHECK_THROWS_WITH(catalogue().resolve("h100"), contains_text("devices match: h100-sxm, h100-pcie, h100-nvl;"));
  CHECK_THROWS_WITH(catalogue().resolve("2x rtx-40"),
                    Catch::Matchers::StartsWith("2x rtx-40: ") && contains_text(" more; name one in full"));
}
