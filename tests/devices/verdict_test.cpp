#include <limits>

#include "src/devices/budget.h"
#include "src/devices/units.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

const Catalogue& catalogue() {
  static const Catalogue built_in = Catalogue::built_in();
  return built_in;
}

Need weights_of(std::uint64_t bytes) {
  Need need;
  need.weights = bytes;
  return need;
}

Fit judged(std::uint64_t weights, std::string_view device) {
  return judge(weights_of(weights), catalogue().resolve(device), "");
}

Need pieces_of(std::vector<std::uint64_t> pieces) {
  Need need;
  need.weights = 0;
  for (const std::uint64_t piece : pieces) *need.weights += piece;
  need.pieces = std::move(pieces);
  return need;
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
      {"2: 47 B float32 is beyond an M2 Ultra", 188'000'000'000, "m2-ultra-192gb", Verdict::Over},
      {"3: 47 B float16 fits it", 94'000'000'000, "m2-ultra-192gb", Verdict::Fits},
      {"4: 47 B int8", 47'000'000'000, "m2-ultra-192gb", Verdict::Fits},
      {"5: 47 B int4", 23'500'000'000, "m2-ultra-192gb", Verdict::Fits},
      {"6: 13 B float16 exceeds a 24 GB card", 26'000'000'000, "rtx-4090", Verdict::Over},
      {"7: 7 B float16 exceeds an 8 GB laptop card", 14'000'000'000, "rtx-4060-laptop", Verdict::Over},
      {"7: and the laptop around it", 14'000'000'000, "surface-laptop-studio-2", Verdict::Over},
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
      {"13: the Q4_0 file", 26'270'000'000, "rtx-4090", Verdict::Over},
      {"14: 13 B int8", 13'000'000'000, "rtx-4090", Verdict::Fits},
      {"15: 47 B float16 on two H100", 94'000'000'000, "2x h100-sxm", Verdict::Fits},
  };
  for (const Row& row : rows) {
    CAPTURE(row.claim);
    const Fit fit = judged(row.need, row.device);
    CAPTURE(fit.reason);
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
      {"rtx-4090", Verdict::Over, true},
      {"mi300x", Verdict::Over, true},
      {"arc-b580", Verdict::Over, true},
      {"max-1100", Verdict::Over, true},
      {"m2-ultra-192gb", Verdict::Over, true},
      {"m1-16gb", Verdict::Over, false},
      {"macbook-air-8gb", Verdict::No, false},
      {"dgx-spark", Verdict::Over, true},
      {"ram-64gb", Verdict::Over, true},
      {"iphone-16-pro", Verdict::Over, true},
      {"tpu-v5e", Verdict::No, true},
      {"gaudi-3", Verdict::No, true},
      {"trn1-32xlarge", Verdict::No, true},
      {"24GiB", Verdict::Over, false},
      {"2x rtx-4090", Verdict::Over, true},
      {"p5-48xlarge", Verdict::Over, true},
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
    CHECK(judged(raised, id).verdict == Verdict::Over);
    CHECK(judged(raised + 1, id).verdict == Verdict::No);
  }
}

TEST_CASE("the reason says how far away, which help there is and which rule") {
  struct Row {
    std::uint64_t need;
    std::string device, reason;
  };
  const std::vector<Row> rows = {
      {94'000'000'000, "m2-ultra-192gb", "46.86 GiB to spare; safe: 70 % of 192 GiB (Apple, shared with macOS)"},
      {188'000'000'000, "m2-ultra-192gb",
       "40.69 GiB above the safe budget, 31.09 GiB above what macOS gives; raise iogpu.wired_limit_mb to 184320, with "
       "nothing else running; "
       "safe: 70 % of 192 GiB (Apple, shared with macOS)"},
      {7'000'000'000, "macbook-air-8gb",
       "1.19 GiB above what macOS gives; more than any setting gives; safe: all that macOS gives by default out of 8 "
       "GiB (Apple, shared with macOS)"},
      {26'000'000'000, "rtx-4090",
       "2.15 GiB above the safe budget, 715.5 MiB above what the driver gives; runs only with layers or experts in "
       "host memory, at least 2.15 GiB "
       "there, and how much the host has is not known; safe: 0.92 of 24564 MiB"},
      {7800 * kMiB, "rtx-4060-laptop",
       "1009.0 MiB above the safe budget, 15.0 MiB below what the driver gives; safe: driver total 7815 MiB less 1 GiB "
       "margin"},
      {110 * kGiB, "ryzen-ai-max-395-128gb",
       "15.00 GiB above the safe budget, 14.00 GiB above what the driver gives; raise ttm.pages_limit to 33030144; "
       "safe: the GPU's 96 GiB less 1 "
       "GiB margin"},
      {25 * kGiB, "24GiB",
       "1.00 GiB above the size given; runs only with layers or experts in host memory, at least 1.00 GiB there, and "
       "how much the host has is not "
       "known; safe: as given; nothing held back"},
      {24 * kGiB, "24GiB", "exactly the safe budget; safe: as given; nothing held back"},
      {64 * kGiB, "ram-64gb",
       "6.00 GiB above the safe budget, 1.00 GiB above what the system leaves; what does not fit is read from disk "
       "again and again, far slower; "
       "safe: 64 GiB less 6 GiB for the operating system"},
      {94'000'000'000, "2x h100-sxm", "59.01 GiB to spare; safe on each: 0.92 of 81559 MiB"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.device);
    CHECK(judged(row.need, row.device).reason == row.reason);
  }
}

TEST_CASE("several devices: every figure is a sum, the overhead once for each") {
  Need need = weights_of(10 * kGiB);
  need.kv_cache = 2 * kGiB;
  need.overhead = 500 * kMiB;
  const Fit fit = judge(need, catalogue().resolve("2x rtx-4090"), "llama.cpp");
  const Budget one = budget_of(catalogue().resolve("rtx-4090"));
  CHECK(fit.engine == "llama.cpp");
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
      {"sums fit, no split does", {6, 6, 6}, "2x 10GiB", Verdict::Over},
      {"in order only: the small ones may not be swapped", {6, 6, 4, 4}, "2x 10GiB", Verdict::Over},
      {"the same pieces in a lucky order", {6, 4, 6, 4}, "2x 10GiB", Verdict::Fits},
      {"one piece larger than a device", {11}, "2x 10GiB", Verdict::Over},
      {"one device takes them all", {6, 6, 6}, "18GiB", Verdict::Fits},
      {"three devices, one left empty", {10, 10}, "3x 10GiB", Verdict::Fits},
      {"limit allows the split that the budget does not", {23, 17}, "2x rtx-4090", Verdict::Tight},
      {"no help on accelerators of their own kind", {9, 9, 9}, "2x tpu-v5e", Verdict::No},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    std::vector<std::uint64_t> pieces;
    for (const std::uint64_t gib : row.pieces) pieces.push_back(gib * kGiB);
    const Fit fit = judge(pieces_of(pieces), catalogue().resolve(row.device), "");
    CAPTURE(fit.reason);
    CHECK(verdict_name(fit.verdict) == verdict_name(row.verdict));
    const bool only_split = fit.headroom_bytes >= 0 && row.verdict != Verdict::Fits;
    CHECK((fit.reason.find("no split into whole layers") != std::string::npos) == only_split);
  }
}

TEST_CASE("several devices: each keeps room for its own overhead and its share of the rest") {
  Need need = pieces_of({9 * kGiB, 9 * kGiB});
  const Device two = catalogue().resolve("2x 10GiB");
  need.overhead = kGiB;
  CHECK(judge(need, two, "").verdict == Verdict::Fits);
  need.overhead = kGiB + 1;
  CHECK(judge(need, two, "").verdict == Verdict::Over);
  need.overhead = kGiB / 2;
  need.kv_cache = kGiB;
  CHECK(judge(need, two, "").verdict == Verdict::Fits);
  need.kv_cache = kGiB + 1;
  CHECK(judge(need, two, "").verdict == Verdict::Over);
}

TEST_CASE("sums beyond 64 bits saturate") {
  Need need = weights_of(kMax);
  need.kv_cache = kMax;
  need.overhead = kMax;
  need.pieces = {kMax, kMax, 1};
  CHECK(need.total() == kMax);
  for (const std::string id : {"4096x rtx-4090", "4096x 1024TiB", "ram-64gb", "m2-ultra-192gb", "4096x tpu-v5e"}) {
    CAPTURE(id);
    const Fit fit = judge(need, catalogue().resolve(id), "");
    CHECK(fit.verdict >= Verdict::Over);
    CHECK(fit.need.total() == kMax);
    CHECK(fit.headroom_bytes == -std::numeric_limits<std::int64_t>::max());
  }
  Device vast;
  vast.memory_bytes = kMax;
  vast.count = 4096;
  CHECK(judge(weights_of(1), vast, "").budget_bytes == kMax);
  CHECK(judge(weights_of(1), vast, "").headroom_bytes == std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("the ladder shows devices below and above the boundary, smallest first") {
  for (const std::uint64_t bytes :
       {std::uint64_t{1}, 6 * kGiB, 23 * kGiB, 90 * kGiB, 350 * kGiB, std::uint64_t{1'200'000'000'000}, 5000 * kGiB}) {
    CAPTURE(bytes);
    Need need = weights_of(bytes);
    need.overhead = 0;
    const std::vector<Fit> steps = common_devices(need, "llama.cpp", catalogue());
    REQUIRE(steps.size() >= 3);
    CHECK(steps.size() <= 6);
    std::size_t fitting = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      CAPTURE(steps[i].device.id);
      CHECK(steps[i].device.common);
      CHECK(steps[i].engine == "llama.cpp");
      CHECK(steps[i].need.overhead == engine_overhead(steps[i].device) * steps[i].device.count);
      if (i > 0) CHECK(steps[i - 1].budget_bytes <= steps[i].budget_bytes);
      if (steps[i].verdict == Verdict::Fits) ++fitting;
    }
    CHECK(fitting <= 3);
    CHECK((fitting > 0) == (bytes <= 1'200'000'000'000));
    CHECK((fitting < steps.size()) == (bytes > 1));
  }
}

TEST_CASE("the ladder names the device at the boundary, and none twice over") {
  const std::vector<Fit> steps = common_devices(weights_of(26'441'533'376), "", catalogue());
  std::vector<std::string> ids;
  for (const Fit& step : steps) ids.push_back(step.device.id);
  CHECK(ids == std::vector<std::string>{"rtx-4080", "m4-32gb", "rtx-4090", "rtx-5090", "m4-pro-48gb", "dual-rtx-4090"});
  CHECK_FALSE(steps.front().need.overhead.has_value());
}
