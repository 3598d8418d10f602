// The published example tables of every budget rule.
#include "src/devices/budget.h"

#include <cmath>

#include "src/devices/catalogue.h"
#include "src/devices/units.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

Device device(std::string_view id) {
  static const Catalogue catalogue = Catalogue::built_in();
  return catalogue.resolve(id);
}

Device made(DeviceKind kind, std::string vendor, std::uint64_t memory_bytes) {
  Device result;
  result.id = "made-up";
  result.vendor = std::move(vendor);
  result.kind = kind;
  result.memory_bytes = memory_bytes;
  return result;
}

// A figure of a table, printed with one or two decimals.
bool prints_as(std::uint64_t bytes, double gib) { return std::abs(static_cast<double>(bytes) / kGiB - gib) <= 0.0051; }

}  // namespace

TEST_CASE("M2 Ultra 192 GB: 70 % is 134.4 GiB, to the byte") {
  const Budget budget = budget_of(device("m2-ultra-192gb"));
  CHECK(budget.memory == 206'158'430'208);
  CHECK(budget.limit == 154'618'822'656);
  CHECK(budget.safe == 144'310'901'145);
  CHECK(budget.raised == 180 * kGiB);
  CHECK(budget.rule == BudgetRule::AppleShare);
}

TEST_CASE("Apple: 70 % of memory, at most what Metal reports, raised by all but 4 GiB or a sixteenth") {
  struct Row {
    std::uint64_t gib;
    double safe, limit, raised;
  };
  const std::vector<Row> rows = {{8, 5.33, 5.33, 5.33},     {16, 10.67, 10.67, 12.00},   {36, 25.20, 27.00, 32.00},
                                 {64, 44.80, 48.00, 60.00}, {128, 89.60, 96.00, 120.00}, {192, 134.40, 144.00, 180.00}};
  for (const Row& row : rows) {
    CAPTURE(row.gib);
    const Budget budget = budget_of(made(DeviceKind::AppleUnified, "Apple", row.gib * kGiB));
    CHECK(prints_as(budget.safe, row.safe));
    CHECK(prints_as(budget.limit, row.limit));
    CHECK(prints_as(budget.raised, row.raised));
  }
}

TEST_CASE("Apple: the rule for the limit gives every limit in the catalogue, to the byte") {
  static const Catalogue catalogue = Catalogue::built_in();
  for (Device apple : catalogue.devices()) {
    if (apple.kind != DeviceKind::AppleUnified) continue;
    CAPTURE(apple.id);
    REQUIRE(apple.limit_bytes.has_value());
    const std::uint64_t observed = *apple.limit_bytes;
    apple.limit_bytes.reset();
    CHECK(budget_of(apple).limit == observed);
  }
}

TEST_CASE("NVIDIA: the driver's total less 1 GiB below about 19 GiB, 0.92 of memory above") {
  struct Row {
    std::string id;
    std::uint64_t memory_mib, safe_mib, limit_mib;
    BudgetRule rule;
  };
  const std::vector<Row> rows = {
      {"rtx-4060-laptop", 8188, 6791, 7815, BudgetRule::DriverLessMargin},
      {"surface-laptop-studio-2", 8188, 6791, 7815, BudgetRule::DriverLessMargin},
      {"rtx-3060", 12288, 10752, 11776, BudgetRule::MemoryLessDriver},
      {"t4", 15360, 13888, 14912, BudgetRule::DriverLessMargin},
      {"g4dn-12xlarge", 15360, 13888, 14912, BudgetRule::DriverLessMargin},
      {"rtx-4090", 24564, 22598, 24080, BudgetRule::ShareOfMemory},
      {"rtx-5090", 32607, 29998, 32109, BudgetRule::ShareOfMemory},
      {"a100-40gb", 40960, 37683, 40437, BudgetRule::ShareOfMemory},
      {"h100-sxm", 81559, 75034, 81081, BudgetRule::ShareOfMemory},
      {"p5-48xlarge", 81559, 75034, 81081, BudgetRule::ShareOfMemory},
  };
  for (const Row& row : rows) {
    CAPTURE(row.id);
    const Budget budget = budget_of(device(row.id));
    CHECK(budget.memory == row.memory_mib * kMiB);
    CHECK(budget.safe / kMiB == row.safe_mib);
    CHECK(budget.limit == row.limit_mib * kMiB);
    CHECK(budget.raised == budget.limit);
    CHECK(budget.rule == row.rule);
  }
  CHECK(budget_of(device("rtx-4090")).safe == 23'696'643'194);  // floor of 0.92 * 25757220864 = 23696643194.88
}

TEST_CASE("AMD and Intel cards: 256 MiB for the driver, then as NVIDIA") {
  struct Row {
    std::string id;
    std::uint64_t memory, limit, safe;
  };
  const std::vector<Row> rows = {
      {"rx-7900-xtx", 24560 * kMiB, 24560 * kMiB - 256 * kMiB, 23'692'784'435},  // 0.92 * 25753026560
      {"rx-7600", 8 * kGiB, 8 * kGiB - 256 * kMiB, 8 * kGiB - 1280 * kMiB},
      {"mi300x", 192 * kGiB, 192 * kGiB - 256 * kMiB, 189'665'755'791},  // 0.92 * 206158430208
      {"nd96isr-mi300x-v5", 192 * kGiB, 192 * kGiB - 256 * kMiB, 189'665'755'791},
      {"arc-b580", 12 * kGiB, 12 * kGiB - 256 * kMiB, 12 * kGiB - 1280 * kMiB},
      {"max-1550", 64 * kGiB, 64 * kGiB - 256 * kMiB, 63'221'918'597},  // 0.92 * 68719476736
  };
  for (const Row& row : rows) {
    CAPTURE(row.id);
    const Budget budget = budget_of(device(row.id));
    CHECK(budget.memory == row.memory);
    CHECK(budget.limit == row.limit);
    CHECK(budget.safe == row.safe);
  }
}

TEST_CASE("unified memory that is not Apple's: an eighth for the system, nothing beyond the carve-out") {
  struct Row {
    std::string id;
    double safe, limit;
  };
  const std::vector<Row> rows = {{"dgx-spark", 112.0, 119.63},          {"jetson-agx-orin-64gb", 56.0, 61.35},
                                 {"jetson-orin-nano-8gb", 6.0, 7.43},   {"ryzen-ai-max-395-128gb", 95.0, 96.0},
                                 {"ryzen-ai-max-390-32gb", 23.0, 24.0}, {"snapdragon-x-elite-32gb", 15.0, 16.0}};
  for (const Row& row : rows) {
    CAPTURE(row.id);
    const Budget budget = budget_of(device(row.id));
    CHECK(prints_as(budget.safe, row.safe));
    CHECK(prints_as(budget.limit, row.limit));
  }
  CHECK(budget_of(device("ryzen-ai-max-395-128gb")).raised == 126 * kGiB);
  CHECK(budget_of(device("ryzen-ai-max-390-32gb")).raised == 30 * kGiB);
  CHECK(budget_of(device("jetson-orin-nano-8gb")).raised == budget_of(device("jetson-orin-nano-8gb")).limit);
}

TEST_CASE("CPU: a quarter, at most 6 GiB, for the system") {
  struct Row {
    std::uint64_t memory, safe, limit;
  };
  const std::vector<Row> rows = {{4, 3, 3}, {8, 6, 7}, {16, 12, 15}, {32, 26, 31}, {64, 58, 63}, {128, 122, 127}};
  for (const Row& row : rows) {
    CAPTURE(row.memory);
    const Budget budget = budget_of(made(DeviceKind::Cpu, "generic", row.memory * kGiB));
    CHECK(budget.safe == row.safe * kGiB);
    CHECK(budget.limit == row.limit * kGiB);
  }
}

TEST_CASE("phones give an app three eighths, other accelerators nine tenths") {
  const Budget phone = budget_of(device("iphone-16-pro"));
  CHECK(phone.limit == 4 * kGiB);
  CHECK(phone.safe == 3 * kGiB);
  CHECK(phone.raised == 6 * kGiB);

  for (const std::string id :
       {"tpu-v5e", "tpu-v5e-8", "trainium-1", "trn1-32xlarge", "inf2-48xlarge", "gaudi-3", "gaudi-3-8x"}) {
    CAPTURE(id);
    const Budget budget = budget_of(device(id));
    CHECK(budget.safe == budget.memory / 10 * 9 + budget.memory % 10 * 9 / 10);
    CHECK(budget.limit == budget.memory / 20 * 19 + budget.memory % 20 * 19 / 20);
  }
}

TEST_CASE("a budget stays in order for the smallest and the largest memory of every kind") {
  for (int kind = 0; kind <= static_cast<int>(DeviceKind::Size); ++kind) {
    for (const std::string vendor : {"NVIDIA", "AMD", "Intel", "Apple", "somebody"}) {
      for (const std::uint64_t memory : {std::uint64_t{1}, kMiB, kGiB, kMaxDeviceBytes, ~std::uint64_t{0}}) {
        CAPTURE(kind, vendor, memory);
        const Budget budget = budget_of(made(static_cast<DeviceKind>(kind), vendor, memory));
        CHECK(budget.memory == memory);
        CHECK(budget.safe <= budget.limit);
        CHECK(budget.limit <= budget.raised);
        CHECK(budget.raised <= budget.memory);
      }
    }
  }
}

TEST_CASE("what an engine's own context takes, by the driver it runs on") {
  struct Row {
    std::string id;
    std::uint64_t mib;
  };
  const std::vector<Row> rows = {{"rtx-4090", 500},
                                 {"mi300x", 500},
                                 {"p5-48xlarge", 500},
                                 {"dgx-spark", 500},
                                 {"arc-b580", 200},
                                 {"max-1550", 200},
                                 {"core-ultra-258v-32gb", 200},
                                 {"m2-ultra-192gb", 100},
                                 {"ram-64gb", 150},
                                 {"iphone-16-pro", 100},
                                 {"tpu-v5e", 500},
                                 {"24GiB", 500}};
  for (const Row& row : rows) {
    CAPTURE(row.id);
    CHECK(engine_overhead(device(row.id)) == row.mib * kMiB);
  }
}

TEST_CASE("what an engine takes before the first weight, by backend") {
  struct Row {
    std::string_view id;
    std::uint64_t mib;
  };
  for (const Row& row : {Row{"rtx-4090", 500}, Row{"p5-48xlarge", 500}, Row{"mi300x", 500}, Row{"m2-ultra-192gb", 100},
                         Row{"ram-16gb", 150}}) {
    CAPTURE(row.id);
    CHECK(engine_overhead(device(row.id)) == row.mib * kMiB);
  }
  CHECK(engine_overhead(made(DeviceKind::Cpu, "", 0)) == 150 * kMiB);
}

TEST_CASE("what is free now decides where it is less than the rule gives") {
  Device card;
  card.kind = DeviceKind::DiscreteGpu;
  card.vendor = card.maker = "NVIDIA";
  card.memory_bytes = 8188 * kMiB;
  card.limit_bytes = 3000 * kMiB;
  card.limit_is_free = true;
  CHECK(budget_of(card).rule == BudgetRule::FreeLessMargin);
  CHECK(budget_of(card).safe == 1976 * kMiB);
  Device host;
  host.kind = DeviceKind::Cpu;
  host.memory_bytes = 32 * kGiB;
  host.limit_bytes = 5 * kGiB;
  host.limit_is_free = true;
  CHECK(budget_of(host).safe == 5 * kGiB);
  CHECK(budget_of(host).rule == BudgetRule::CpuFree);
}
