#include "src/report/fit_words.h"

#include <optional>
#include <string>
#include <vector>

#include "src/devices/catalogue.h"
#include "src/devices/units.h"
#include "src/fit/verdict.h"
#include "tests/catch.h"
#include "tests/fixtures/fixture_list.h"

using namespace weigh::core;

namespace {

const Catalogue& catalogue() {
  static const Catalogue built_in = Catalogue::built_in();
  return built_in;
}

Fit judged(std::uint64_t weights, const Device& device) {
  MemoryNeed need;
  need.weights = weights;
  return judge(device_set_of(device), need, std::nullopt);
}

Device made(DeviceKind kind, std::string maker, std::uint64_t memory_bytes, std::uint64_t free_bytes) {
  Device device;
  device.kind = kind;
  device.vendor = device.maker = std::move(maker);
  device.memory_bytes = memory_bytes;
  if (free_bytes != 0) device.limit_bytes = free_bytes;
  device.limit_is_free = free_bytes != 0;
  return device;
}

}  // namespace

TEST_CASE("the reason says how far away, which help there is and which rule") {
  struct Row {
    std::uint64_t need;
    std::string device, reason;
  };
  const std::vector<Row> rows = {
      {94'000'000'000, "m2-ultra-192gb", "46.86 GiB to spare; safe: 70 % of 192 GiB (Apple, shared with macOS)"},
      {188'000'000'000, "m2-ultra-192gb",
       "40.69 GiB above the safe budget, 31.09 GiB above what macOS gives; would run after: sudo sysctl "
       "iogpu.wired_limit_mb=184320, with nothing else running; "
       "safe: 70 % of 192 GiB (Apple, shared with macOS)"},
      {7'000'000'000, "macbook-air-8gb",
       "1.19 GiB above what macOS gives; more than any setting gives; safe: all that macOS gives by default out of 8 "
       "GiB (Apple, shared with macOS)"},
      {26'000'000'000, "rtx-4090",
       "2.15 GiB above the safe budget, 715.5 MiB above what the driver gives; at least 2.15 GiB more would have "
       "to be in host memory; safe: 0.92 of 24564 MiB"},
      {7800 * kMiB, "rtx-4060-laptop",
       "1009.0 MiB above the safe budget, 15.0 MiB below what the driver gives; safe: driver total 7815 MiB less 1 GiB "
       "margin"},
      {110 * kGiB, "ryzen-ai-max-395-128gb",
       "15.00 GiB above the safe budget, 14.00 GiB above what the driver gives; ttm.pages_limit raised to 33030144 "
       "would "
       "do; "
       "safe: the GPU's 96 GiB less 1 "
       "GiB margin"},
      {25 * kGiB, "24GiB",
       "1.00 GiB above the size given; no other memory takes the rest; safe: as given; nothing held back"},
      {24 * kGiB, "24GiB", "exactly the safe budget; safe: as given; nothing held back"},
      {64 * kGiB, "ram-64gb",
       "6.00 GiB above the safe budget, 1.00 GiB above what the system leaves; it would be read from disk again and "
       "again, far slower; "
       "safe: 64 GiB less 6 GiB for the operating system"},
      {94'000'000'000, "2x h100-sxm", "59.01 GiB to spare; safe on each: 0.92 of 81559 MiB"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.device);
    CHECK(reason_text(judged(row.need, catalogue().resolve(row.device))) == row.reason);
  }
}

TEST_CASE("the rule says whether what is free or what there is decides, with both figures") {
  struct Row {
    Device device;
    std::string rule;
  };
  const auto card = [](std::uint64_t free_mib) {
    return made(DeviceKind::DiscreteGpu, "NVIDIA", 24564 * kMiB, free_mib * kMiB);
  };
  const std::vector<Row> rows{
      {card(9000), "9000 MiB free now of 24564 MiB, less 1 GiB margin"},
      {card(24100), "0.92 of 24564 MiB (24100 MiB free now)"},
      {made(DeviceKind::DiscreteGpu, "AMD", 8192 * kMiB, 0), "8192 MiB less 256 MiB for the driver and 1 GiB margin"},
      {made(DeviceKind::Unified, "AMD", 64000 * kMiB, 28 * kGiB),
       "the GPU's 28 GiB free now of 64000 MiB, less 1 GiB margin"},
      {made(DeviceKind::Unified, "", 64 * kGiB, 0), "the GPU's 32 GiB, half of memory, less 1 GiB margin"},
      {made(DeviceKind::Cpu, "", 64 * kGiB, 8 * kGiB), "8 GiB free now of 64 GiB"},
      {made(DeviceKind::Cpu, "", 64 * kGiB, 62 * kGiB), "64 GiB less 6 GiB for the operating system (62 GiB free now)"},
      {made(DeviceKind::AppleUnified, "Apple", 64 * kGiB, 40 * kGiB),
       "all of the 40 GiB that macOS gives out of 64 GiB (Apple, shared with macOS)"},
      {catalogue().resolve("iphone-16-pro"), "37.5 % of 8 GiB (an app's share, unverified)"},
      {catalogue().resolve("tpu-v5e"), "90 % of 16 GiB (unverified)"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.rule);
    CHECK(budget_text(budget_of(row.device)) == row.rule);
  }
}

TEST_CASE("every device of the catalogue has a rule in words") {
  for (const Device& device : catalogue().devices()) {
    CAPTURE(device.id);
    CHECK_FALSE(budget_text(budget_of(device)).empty());
  }
}

TEST_CASE("what is free now is not called what the driver gives") {
  const Device card = made(DeviceKind::DiscreteGpu, "NVIDIA", 8188 * kMiB, 3000 * kMiB);
  CHECK_THAT(distance_text(judged(2500 * kMiB, card)), contains_text("below what is free now"));
  const Device plain = made(DeviceKind::DiscreteGpu, "NVIDIA", 8188 * kMiB, 0);
  CHECK_THAT(distance_text(judged(7500 * kMiB, plain)), contains_text("below what the driver gives"));
}

TEST_CASE("each rule of several devices is said once") {
  const DeviceSet devices = device_set_of(
      std::vector{catalogue().resolve("rtx-4090"), catalogue().resolve("rtx-3060"), catalogue().resolve("rtx-4090")});
  MemoryNeed need;
  need.weights = kGiB;
  std::vector<Load> loads;
  for (const Slot& slot : devices.slots) loads.push_back({&slot, 1, need});
  const Fit fit = judge(devices.label, loads, std::nullopt);
  CHECK(rule_text(fit) == "0.92 of 24564 MiB, 12288 MiB less 512 MiB for the driver and 1 GiB margin");
}

TEST_CASE("a sum that fits where no split does says so") {
  Fit fit = judged(18 * kGiB, catalogue().resolve("2x 10GiB"));
  CHECK(distance_text(fit) == "2.00 GiB to spare");
  fit.verdict = fit.on_devices = Verdict::No;
  fit.no_split = true;
  CHECK(distance_text(fit) ==
        "2.00 GiB below the size given, but no split into whole layers keeps every device within its own");
}

TEST_CASE("a run with layers on the host says how much is where, and what the host must hold") {
  Fit fit = judged(26'000'000'000, catalogue().resolve("rtx-4090"));
  fit.verdict = fit.on_devices = Verdict::Fits;
  fit.flags = {"-ngl", "21"};
  put_on_host(5 * kGiB, given_host(16 * kGiB), fit);
  fit.reason = {ReasonKind::Placement};
  CHECK(fit.verdict == Verdict::Offload);
  CHECK(why_text(fit) == "runs with -ngl 21: 19.21 of 22.07 GiB there, and 5.00 GiB of host memory");
  CHECK(reason_text(fit) == why_text(fit) + "; safe: 0.92 of 24564 MiB; host memory: 16 GiB, 12.00 GiB safe");
  put_on_host(5 * kGiB, given_host(4 * kGiB), fit);
  CHECK(fit.verdict == Verdict::No);
  CHECK(why_text(fit) == "5.00 GiB would have to be in host memory, of which 3.00 GiB are safe");
}

TEST_CASE("a cache's shape says why it is large or small") {
  CHECK(cache_shape_text({.layers = 32, .least_heads = 32, .most_heads = 32}) == "32 KV heads in each of 32 layers");
  CHECK(cache_shape_text({.layers = 1, .least_heads = 1, .most_heads = 1}) == "1 KV head in each of 1 layer");
  CHECK(cache_shape_text({.layers = 62, .sliding = 52, .least_heads = 4, .most_heads = 8, .with_draft = true}) ==
        "4 to 8 KV heads in each of 62 layers, 52 of which slide, and the draft's");
  CHECK(cache_shape_text({.layers = 61, .least_heads = 1, .most_heads = 1, .latent = true}) ==
        "one compressed row in each of 61 layers");
  CHECK(cache_shape_text({}) == "no layer keeps keys and values");
}

TEST_CASE("advice says what to change, and what is lost by it") {
  struct Row {
    Advice advice;
    std::string_view name, text;
  };
  const std::vector<Row> rows{
      {{.kind = AdviceKind::Context, .context = 2048}, "context", "a context of 2048 tokens"},
      {{.kind = AdviceKind::Cache, .name = "q8_0"}, "cache", "a KV cache in q8_0"},
      {{.kind = AdviceKind::Cache, .name = "q8_0", .context = 2048},
       "cache",
       "a KV cache in q8_0 and a context of 2048 tokens"},
      {{.kind = AdviceKind::MicroBatch, .micro_batch = 128},
       "micro-batch",
       "micro-batches of 128 tokens, slower at reading prompts"},
      {{.kind = AdviceKind::Projector}, "projector", "the projector in host memory, slower at reading images"},
      {{.kind = AdviceKind::Quantization, .name = "Q4_K_M", .weight_bytes = 4 * kGiB},
       "quantisation",
       "Q4_K_M for the weights, 4.00 GiB"},
      {{.kind = AdviceKind::Quantization,
        .name = "Q4_K_M",
        .context = 4096,
        .weight_bytes = kGiB,
        .from_original = true},
       "quantisation",
       "Q4_K_M for the weights, 1.00 GiB, made from the original and a context of 4096 tokens"},
      {{.kind = AdviceKind::Experts, .expert_layers = 9, .host_bytes = kGiB},
       "experts",
       "the experts of 9 layers in host memory, 1.00 GiB there"},
      {{.kind = AdviceKind::Experts, .expert_layers = 1, .host_bytes = kGiB},
       "experts",
       "the experts of 1 layer in host memory, 1.00 GiB there"},
      {{.kind = AdviceKind::Layers,
        .name = "Q4_K_M",
        .expert_layers = 32,
        .host_layers = 12,
        .all_layers = 33,
        .host_bytes = 2 * kGiB},
       "layers",
       "Q4_K_M and the experts of 32 layers and 12 of 33 layers in host memory, 2.00 GiB there"},
      {{.kind = AdviceKind::Device, .name = "rtx-4090"}, "device", "rtx-4090"},
  };
  const std::string schema = fixtures::read_text(WEIGH_SOURCE "/src/report/schema/inspect.json");
  for (const Row& row : rows) {
    CHECK(advice_name(row.advice.kind) == row.name);
    CHECK(advice_text(row.advice) == row.text);
    CHECK(schema.find('"' + std::string(row.name) + '"') != std::string::npos);
  }
}

TEST_CASE("a remark names the architecture, where there is one to name") {
  CHECK(remark_text(Remark::None, "llama").empty());
  CHECK(remark_text(Remark::AttentionIsFull, "strange") == "attention assumed full: no rule for strange yet");
  CHECK(remark_text(Remark::LayersShown, "strange") ==
        "layers taken for what keys and tensors tell: no rule for strange yet");
  CHECK(remark_text(Remark::AttentionIsFull, "") ==
        "attention assumed full: no rule for an architecture the files do not name yet");
}

TEST_CASE("a setting that the engine refuses is named in its words, whatever memory there is") {
  Fit fit = judged(kGiB, catalogue().resolve("24GiB"));
  fit.verdict = Verdict::No;
  fit.reason = {ReasonKind::SettingRefused, 0, "quantized V cache requires flash_attn to be enabled"};
  CHECK(why_text(fit) == "does not start with this setting: quantized V cache requires flash_attn to be enabled");
  CHECK(reason_text(fit) == why_text(fit));
}

TEST_CASE("parts that are missing are the last word of a reason") {
  Fit fit = judged(kGiB, catalogue().resolve("24GiB"));
  fit.remark = Remark::PartsMissing;
  CHECK(
      reason_text(fit) ==
      "23.00 GiB to spare; safe: as given; nothing held back; parts are missing: the whole model needs more than this");
}
