#include "src/fit/verdict.h"

#include <limits>

#include "src/devices/catalogue.h"
#include "src/devices/units.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

const Catalogue& catalogue() {
  static const Catalogue built_in = Catalogue::built_in();
  return built_in;
}

MemoryNeed weights_of(std::uint64_t bytes) {
  MemoryNeed need;
  need.weights = bytes;
  return need;
}

Fit judged(std::uint64_t weights, std::string_view device) {
  return judge(device_set_of(catalogue().resolve(device)), weights_of(weights), std::nullopt);
}

// The weights in pieces, and what else there is on all devices together.
Fit judged(const std::vector<std::uint64_t>& pieces, std::string_view device, MemoryNeed need = {}) {
  need.weights = 0;
  for (const std::uint64_t piece : pieces) need.weights = plus(*need.weights, piece);
  const DeviceSet devices = device_set_of(catalogue().resolve(device));
  const Load load{&devices.slots.front(), devices.slots.size(), need, pieces};
  return judge(devices.label, {&load, 1}, std::nullopt);
}

}  // namespace

TEST_CASE("the claims about well-known models on well-known devices: bytes of weights against the default budget") {
  struct Row {
    std::string claim;
    std::uint64_t need;
    std::string device;
    Verdict verdict;
  };
  const std::vector<Row> rows = {
      {"2: 47 B float32 is beyond an M2 Ultra", 188'000'000'000, "m2-ultra-192gb", Verdict::No},
      {"3: 47 B float16 fits it", 94'000'000'000, "m2-ultra-192gb", Verdict::Fits},
      {"4: 47 B int8", 47'000'000'000, "m2-ultra-192gb", Verdict::Fits},
      {"5: 47 B int4", 23'500'000'000, "m2-ultra-192gb", Verdict::Fits},
      {"6: 13 B float16 exceeds a 24 GB card", 26'000'000'000, "rtx-4090", Verdict::No},
      {"7: 7 B float16 exceeds an 8 GB laptop card", 14'000'000'000, "rtx-4060-laptop", Verdict::No},
      {"7: and the laptop around it", 14'000'000'000, "surface-laptop-studio-2", Verdict::No},
      {"8: 7 B int8 on an 8 GB MacBook Air", 7'000'000'000, "macbook-air-8gb", Verdict::No},
      {"9: 7 B int4 on that Air", 3'500'000'000, "macbook-air-8gb", Verdict::Fits},
      {"9: Mistral-7B with 4096 tokens", 3'500'000'000 + kGiB / 2, "macbook-air-8gb", Verdict::Fits},
      {"9: Llama-2-7B with 4096 tokens, before compute and overhead", 3'500'000'000 + 2 * kGiB, "macbook-air-8gb",
       Verdict::Fits},
      {"9: and with a quarter of a GiB for those", 3'500'000'000 + 2 * kGiB + kGiB / 4, "macbook-air-8gb", Verdict::No},
      {"10: 7 B int4 on the laptop card", 3'500'000'000, "rtx-4060-laptop", Verdict::Fits},
      {"11: 7 B int8 on it, weights alone", 7'000'000'000, "rtx-4060-laptop", Verdict::Fits},
      {"11: with the driver context", 7'000'000'000 + 500 * kMiB, "rtx-4060-laptop", Verdict::Tight},
      {"13: 47 B int4 on a 24 GB card, weights alone", 23'500'000'000, "rtx-4090", Verdict::Fits},
      {"13: the Q4_0 file", 26'270'000'000, "rtx-4090", Verdict::No},
      {"14: 13 B int8", 13'000'000'000, "rtx-4090", Verdict::Fits},
      {"15: 47 B float16 on two H100", 94'000'000'000, "2x h100-sxm", Verdict::Fits},
  };
  for (const Row& row : rows) {
    CAPTURE(row.claim);
    const Fit fit = judged(row.need, row.device);
    CAPTURE(fit.headroom_bytes);
    CHECK(verdict_name(fit.verdict) == verdict_name(row.verdict));
  }
  // 1: the usable share of an M2 Ultra is "around 134 GB".
  CHECK(judged(1, "m2-ultra-192gb").budget_bytes == 144'310'901'145);
  // 12: 4, 2, 1 and 0.5 bytes per parameter are claims about precisions, not about devices.
}

TEST_CASE("verdicts turn exactly at the safe budget and at the limit") {
  struct Row {
    std::string device;
    Verdict above;  // one byte above the limit
    bool has_tight;
  };
  const std::vector<Row> rows = {
      {"rtx-4090", Verdict::No, true},
      {"mi300x", Verdict::No, true},
      {"arc-b580", Verdict::No, true},
      {"max-1100", Verdict::No, true},
      {"m2-ultra-192gb", Verdict::No, true},
      {"m1-16gb", Verdict::No, false},
      {"macbook-air-8gb", Verdict::No, false},
      {"dgx-spark", Verdict::No, true},
      {"ram-64gb", Verdict::No, true},
      {"iphone-16-pro", Verdict::No, true},
      {"tpu-v5e", Verdict::No, true},
      {"gaudi-3", Verdict::No, true},
      {"trn1-32xlarge", Verdict::No, true},
      {"24GiB", Verdict::No, false},
      {"2x rtx-4090", Verdict::No, true},
      {"p5-48xlarge", Verdict::No, true},
      {"jetson-orin-nano-8gb", Verdict::No, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.device);
    const Fit none = judged(0, row.device);
    const std::uint64_t safe = none.budget_bytes;
    const std::uint64_t limit = none.limit_bytes;
    CHECK(judged(safe, row.device).verdict == Verdict::Fits);
    CHECK(judged(safe, row.device).headroom_bytes == 0);
    CHECK(judged(safe + 1, row.device).headroom_bytes == -1);
    CHECK((safe < limit) == row.has_tight);
    if (row.has_tight) {
      CHECK(judged(safe + 1, row.device).verdict == Verdict::Tight);
      CHECK(judged(limit, row.device).verdict == Verdict::Tight);
    }
    CHECK(verdict_name(judged(limit + 1, row.device).verdict) == verdict_name(row.above));
  }
}

TEST_CASE("help within a device's own memory ends where that memory does") {
  for (const std::string id :
       {"m2-ultra-192gb", "m1-16gb", "dgx-spark", "ryzen-ai-max-395-128gb", "core-ultra-258v-32gb", "iphone-16-pro"}) {
    CAPTURE(id);
    const std::uint64_t raised = budget_of(catalogue().resolve(id)).raised;
    CHECK(judged(raised, id).verdict == Verdict::No);
    CHECK(judged(raised + 1, id).verdict == Verdict::No);
  }
}

TEST_CASE("help is named by the device, with the figure it needs") {
  struct Row {
    std::uint64_t need;
    std::string device;
    ReasonKind kind;
    std::uint64_t bytes;
  };
  const std::vector<Row> rows = {
      {94'000'000'000, "m2-ultra-192gb", ReasonKind::None, 0},
      {188'000'000'000, "m2-ultra-192gb", ReasonKind::WiredLimit, 180 * kGiB},
      {7'000'000'000, "macbook-air-8gb", ReasonKind::BeyondSettings, 0},
      {26'000'000'000, "rtx-4090", ReasonKind::MoreOnHost, 26'000'000'000 - 23'696'643'194},
      {7800 * kMiB, "rtx-4060-laptop", ReasonKind::None, 0},
      {110 * kGiB, "ryzen-ai-max-395-128gb", ReasonKind::TtmPages, 126 * kGiB},
      {64 * kGiB, "ram-64gb", ReasonKind::Paging, 0},
      {5 * kGiB, "iphone-16-pro", ReasonKind::Entitlement, 0},
      {17 * kGiB, "snapdragon-x-elite-32gb", ReasonKind::SharedMemory, 0},
      {17 * kGiB, "tpu-v5e", ReasonKind::NothingElse, 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.device);
    const Fit fit = judged(row.need, row.device);
    CHECK(fit.reason.kind == row.kind);
    CHECK(fit.reason.bytes == row.bytes);
  }
}

TEST_CASE("several devices: every figure is a sum, the overhead once for each") {
  MemoryNeed need = weights_of(10 * kGiB);
  need.kv_cache = 2 * kGiB;
  need.overhead = 500 * kMiB;
  const Fit fit = judge(device_set_of(catalogue().resolve("2x rtx-4090")), need, Engine::LlamaCpp);
  const Budget one = budget_of(catalogue().resolve("rtx-4090"));
  CHECK(fit.engine == Engine::LlamaCpp);
  CHECK(fit.device.count == 2);
  CHECK(fit.memory_bytes == 2 * one.memory);
  CHECK(fit.limit_bytes == 2 * one.limit);
  CHECK(fit.budget_bytes == 2 * one.safe);
  CHECK(fit.need.overhead == 1000 * kMiB);
  CHECK(fit.need.total() == 12 * kGiB + 1000 * kMiB);
  CHECK_FALSE(fit.need.state.has_value());
  CHECK(fit.headroom_bytes == static_cast<std::int64_t>(2 * one.safe - (12 * kGiB + 1000 * kMiB)));
}

TEST_CASE("several devices: fits needs a split into whole pieces, not only a sum") {
  struct Row {
    std::string name;
    std::vector<std::uint64_t> pieces;  // GiB
    std::string device;
    Verdict verdict;
  };
  const std::vector<Row> rows = {
      {"even halves", {5, 5, 5, 5}, "2x 10GiB", Verdict::Fits},
      {"sums fit, no split does", {6, 6, 6}, "2x 10GiB", Verdict::No},
      {"in order only: the small ones may not be swapped", {6, 6, 4, 4}, "2x 10GiB", Verdict::No},
      {"the same pieces in a lucky order", {6, 4, 6, 4}, "2x 10GiB", Verdict::Fits},
      {"one piece larger than a device", {11}, "2x 10GiB", Verdict::No},
      {"one device takes them all", {6, 6, 6}, "18GiB", Verdict::Fits},
      {"three devices, one left empty", {10, 10}, "3x 10GiB", Verdict::Fits},
      {"limit allows the split that the budget does not", {23, 17}, "2x rtx-4090", Verdict::Tight},
      {"no help on accelerators of their own kind", {9, 9, 9}, "2x tpu-v5e", Verdict::No},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    std::vector<std::uint64_t> pieces;
    for (const std::uint64_t gib : row.pieces) pieces.push_back(gib * kGiB);
    const Fit fit = judged(pieces, row.device);
    CAPTURE(fit.headroom_bytes);
    CHECK(verdict_name(fit.verdict) == verdict_name(row.verdict));
    const bool only_split = fit.headroom_bytes >= 0 && row.verdict != Verdict::Fits;
    CHECK(fit.no_split == only_split);
  }
}

TEST_CASE("several devices: each keeps room for its own overhead and its share of the rest") {
  const std::vector<std::uint64_t> pieces{9 * kGiB, 9 * kGiB};
  MemoryNeed need;
  need.overhead = kGiB;
  CHECK(judged(pieces, "2x 10GiB", need).verdict == Verdict::Fits);
  need.overhead = kGiB + 1;
  CHECK(judged(pieces, "2x 10GiB", need).verdict == Verdict::No);
  need.overhead = kGiB / 2;
  need.kv_cache = kGiB;
  CHECK(judged(pieces, "2x 10GiB", need).verdict == Verdict::Fits);
  need.kv_cache = kGiB + 1;
  CHECK(judged(pieces, "2x 10GiB", need).verdict == Verdict::No);
}

TEST_CASE("devices with needs of their own: the worst verdict, and sums") {
  const DeviceSet devices = device_set_of(std::vector{catalogue().resolve("10GiB"), catalogue().resolve("20GiB")});
  const auto verdict = [&](std::uint64_t first, std::uint64_t second) {
    const std::vector<Load> loads{{&devices.slots[0], 1, weights_of(first)},
                                  {&devices.slots[1], 1, weights_of(second)}};
    return judge(devices.label, loads, std::nullopt);
  };
  CHECK(verdict(10 * kGiB, 20 * kGiB).verdict == Verdict::Fits);
  CHECK(verdict(10 * kGiB, 20 * kGiB).headroom_bytes == 0);
  const Fit one = verdict(11 * kGiB, 5 * kGiB);
  CHECK(one.verdict == Verdict::No);
  CHECK(one.no_split);
  CHECK(one.need.weights == 16 * kGiB);
  CHECK(one.reason.kind == ReasonKind::NothingElse);
  CHECK_FALSE(verdict(11 * kGiB, 20 * kGiB).no_split);
}

TEST_CASE("sums beyond 64 bits saturate") {
  MemoryNeed need = weights_of(kMax);
  need.kv_cache = kMax;
  need.overhead = kMax;
  CHECK(need.total() == kMax);
  for (const std::string id : {"4096x rtx-4090", "4096x 1024TiB", "ram-64gb", "m2-ultra-192gb", "4096x tpu-v5e"}) {
    CAPTURE(id);
    const DeviceSet devices = device_set_of(catalogue().resolve(id));
    const Load load{&devices.slots.front(), devices.slots.size(), need, {kMax, kMax, 1}};
    const Fit fit = judge(devices.label, {&load, 1}, std::nullopt);
    CHECK(fit.verdict >= Verdict::No);
    CHECK(fit.need.total() == kMax);
    CHECK(fit.headroom_bytes == -std::numeric_limits<std::int64_t>::max());
  }
  Device vast;
  vast.memory_bytes = kMax;
  vast.count = 4096;
  const Fit fit = judge(device_set_of(vast), weights_of(1), std::nullopt);
  CHECK(fit.budget_bytes == kMax);
  CHECK(fit.headroom_bytes == std::numeric_limits<std::int64_t>::max());
}
