#include "src/fit/companions.h"

#include <algorithm>

#include "src/checkpoint/open_checkpoint.h"
#include "src/devices/catalogue.h"
#include "src/devices/units.h"
#include "src/fit/advice.h"
#include "src/fit/layout.h"
#include "src/fit/speed.h"
#include "src/fit/weigh.h"
#include "src/fit/weigh_run.h"
#include "tests/catch.h"
#include "tests/memory/published.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

Model open(const std::string& path) {
  OpenResult opened = open_checkpoints(std::string(WEIGH_TESTDATA "/") + path);
  REQUIRE(opened.checkpoints.size() == 1);
  return describe(std::move(opened.checkpoints.front()));
}

const Model& main_model() {
  static const Model model = open("snapshots/Llama-2-13B.Q8_0.weigh.zst");
  return model;
}
const Model& draft_model() {
  static const Model model = open("snapshots/Llama-2-7B.Q4_0.weigh.zst");
  return model;
}
const Model& projector() {
  static const Model model = open("gguf/good/mmproj-small.gguf");
  return model;
}

DeviceSet on(const std::string& request) { return device_set_of(Catalogue::built_in().resolve(request)); }

MemoryNeed sum_over(const std::vector<MemoryNeed>& slots) {
  MemoryNeed sum = slots.front();
  for (std::size_t i = 1; i < slots.size(); ++i) sum = plus(sum, slots[i]);
  return sum;
}

constexpr std::uint64_t kProjectorCompute = 512 * kMiB;

}  // namespace

TEST_CASE("a draft model adds what it would need by itself, but the engine's overhead only once") {
  for (const char* device : {"rtx-4090", "2x rtx-3090", "m2-ultra-192gb"}) {
    for (const std::uint64_t context : {4096, 8192}) {
      CAPTURE(device, context);
      Run run;
      run.context = context;
      const DeviceSet devices = on(device);
      Candidate alone(main_model(), Engine::LlamaCpp);
      Candidate draft(draft_model(), Engine::LlamaCpp);
      Candidate both(main_model(), Engine::LlamaCpp, nullptr, {{CompanionRole::Draft, &draft_model()}});
      const MemoryNeed one = sum_over(lay_out(alone, run, devices).slots);
      const MemoryNeed other = sum_over(lay_out(draft, run, devices).slots);
      const MemoryNeed together = sum_over(lay_out(both, run, devices).slots);
      CHECK(*together.weights == *one.weights + *other.weights);
      CHECK(*together.kv_cache == *one.kv_cache + *other.kv_cache);
      CHECK(*together.overhead < *one.overhead + engine_overhead(devices.slots.front().device));
      CHECK(*together.compute > *one.compute);
    }
  }
}

TEST_CASE("a draft model stays on the device when layers of the model go to the host, its cache in 16 bits") {
  Candidate candidate(main_model(), Engine::LlamaCpp, nullptr, {{CompanionRole::Draft, &draft_model()}});
  Run run;
  run.gpu_layers = 10;
  run.key_type = run.value_type = Dtype::Q8_0;
  const Layout layout = lay_out(candidate, run, on("rtx-4090"));
  REQUIRE(layout.companions.size() == 1);
  const MemoryNeed& draft = layout.companions.front().slots.front();
  // 32 layers, 32 heads of 128 values, keys and values: 512 KiB for each token.
  CHECK(*draft.kv_cache == std::uint64_t{4096} * 32 * 32 * 128 * 2 * 2);
  CHECK(*layout.companions.front().host.kv_cache == 0);
}

TEST_CASE("a projector lies on the first device, or on the host when asked") {
  Candidate alone(main_model(), Engine::LlamaCpp);
  Candidate candidate(main_model(), Engine::LlamaCpp, nullptr, {{CompanionRole::Projector, &projector()}});
  const DeviceSet devices = on("2x rtx-3090");
  const Layout plain = lay_out(alone, Run(), devices);
  Run run;
  const std::uint64_t takes = projector().weight_bytes + kProjectorCompute;
  const Layout on_device = lay_out(candidate, run, devices);
  CHECK(sum_over(on_device.slots).total() == sum_over(plain.slots).total() + takes);
  CHECK(on_device.companions.front().slots[0].total() == takes);
  CHECK(on_device.companions.front().slots[1].total() == 0);
  run.projector_on_host = true;
  const Layout on_host = lay_out(candidate, run, devices);
  CHECK(sum_over(on_host.slots).total() == sum_over(plain.slots).total());
  CHECK(on_host.host.total() == plain.host.total() + takes);
  // Memory that both share has no other side to put it on.
  CHECK(lay_out(candidate, run, on("m2-ultra-192gb")).companions.front().slots[0].total() == takes);
}

TEST_CASE("figures with a companion say what they rest on") {
  const DeviceSet devices = on("rtx-4090");
  Candidate alone(main_model(), Engine::LlamaCpp);
  CHECK(weigh_run(alone, Run(), devices).basis == Basis::Rules);
  Candidate drafted(main_model(), Engine::LlamaCpp, nullptr, {{CompanionRole::Draft, &draft_model()}});
  const Fit fit = weigh_run(drafted, Run(), devices);
  CHECK(fit.basis == Basis::Rules);
  REQUIRE(fit.companions.size() == 1);
  CHECK(fit.companions.front().role == CompanionRole::Draft);
  CHECK_FALSE(speed_bound(drafted, Run(), devices));
  Candidate seeing(main_model(), Engine::LlamaCpp, nullptr, {{CompanionRole::Projector, &projector()}});
  CHECK(weigh_run(seeing, Run(), devices).basis == Basis::Estimate);
}

TEST_CASE("only what was recorded is called exact: a model alone in a host's memory") {
  const DeviceSet memory = on("32GiB");
  Candidate alone(main_model(), Engine::LlamaCpp);
  CHECK(weigh_run(alone, Run(), memory).exact);
  CHECK_FALSE(weigh_run(alone, Run(), on("rtx-4090")).exact);
  CHECK_FALSE(weigh_run(alone, Run(), on("m2-ultra-192gb")).exact);
  Candidate elsewhere(main_model(), Engine::Transformers);
  CHECK_FALSE(weigh_run(elsewhere, Run(), memory).exact);
  Candidate drafted(main_model(), Engine::LlamaCpp, nullptr, {{CompanionRole::Draft, &draft_model()}});
  CHECK_FALSE(weigh_run(drafted, Run(), memory).exact);
}

TEST_CASE("a projector that is too much goes to the host first") {
  Candidate candidate(main_model(), Engine::LlamaCpp, nullptr, {{CompanionRole::Projector, &projector()}});
  const MemoryNeed need = lay_out(candidate, Run(), on("rtx-4090")).slots.front();
  Device device = Catalogue::built_in().resolve("rtx-4090");
  // As much memory as leaves a safe budget just below the need.
  device.memory_bytes = need.total() + 1536 * kMiB - 64 * kMiB;
  device.limit_bytes = std::nullopt;
  const DeviceSet devices = device_set_of(device);
  REQUIRE(weigh_run(candidate, Run(), devices).verdict != Verdict::Fits);
  const auto advice = advise(candidate, Run(), devices, Catalogue::built_in(), Verdict::Tight);
  const auto found =
      std::find_if(advice.begin(), advice.end(), [](const Advice& a) { return a.kind == AdviceKind::Projector; });
  REQUIRE(found != advice.end());
  CHECK(found->flags == std::vector<std::string>{"--no-mmproj-offload"});
}

namespace {

Model predicting_model(const std::string& architecture) {
  std::vector<KeySpec> keys{{.key = "general.architecture", .text = architecture}};
  for (const auto& [key, numbers] :
       transformer(4, 1024, 8, {2}, {2048}, 1000, 128) + Keys{{"nextn_predict_layers", {1}}}) {
    keys.push_back({.key = architecture + "." + key, .numbers = numbers});
  }
  std::vector<TensorSpec> tensors{{"token_embd.weight", Dtype::F16, {1000, 1024}}};
  for (const char* block : {"blk.0.", "blk.1.", "blk.2.", "blk.3."}) {
    tensors.push_back({std::string(block) + "attn_q.weight", Dtype::F16, {1024, 1024}});
  }
  return describe(gguf(tensors, keys));
}

}  // namespace

TEST_CASE("a model's own blocks draft on weights that it loads, and keep a cache where its last block is") {
  const Model model = predicting_model("glm4moe");
  constexpr std::uint64_t kBlock = 1024 * 1024 * 2;
  for (const char* device : {"32GiB", "rtx-4090", "2x rtx-3090"}) {
    CAPTURE(device);
    const DeviceSet devices = on(device);
    Run run;
    run.draft_key_type = run.draft_value_type = Dtype::Q8_0;
    Candidate alone(model, Engine::LlamaCpp);
    Candidate both(model, Engine::LlamaCpp, nullptr, {{CompanionRole::Prediction, nullptr}});
    const Layout layout = lay_out(both, run, devices);
    const MemoryNeed one = sum_over(lay_out(alone, run, devices).slots);
    const MemoryNeed together = sum_over(layout.slots);
    CHECK(*together.weights == *one.weights + kBlock);
    // K and V of two heads of 128 values, 34 bytes for each 32 of them.
    CHECK(*together.kv_cache == *one.kv_cache + std::uint64_t{4096} * 2 * 2 * 128 / 32 * 34);
    REQUIRE(layout.companions.size() == 1);
    const auto last = std::find_if(layout.shares.rbegin(), layout.shares.rend(), [](auto share) { return share != 0; });
    const MemoryNeed& draft =
        layout.companions.front().slots[static_cast<std::size_t>(layout.shares.rend() - last) - 1];
    CHECK(*draft.kv_cache != 0);
    CHECK(*draft.compute != 0);
  }
}

TEST_CASE("blocks that draft go to the host with the model's last block") {
  const Model model = predicting_model("glm4moe");
  Candidate candidate(model, Engine::LlamaCpp, nullptr, {{CompanionRole::Prediction, nullptr}});
  for (const std::uint64_t layers : {0, 1, 2}) {
    CAPTURE(layers);
    Run run;
    run.gpu_layers = layers;
    const Layout layout = lay_out(candidate, run, on("rtx-4090"));
    REQUIRE(layout.companions.size() == 1);
    CHECK((layout.companions.front().slots.front().kv_cache == 0U) == (layers < 2));
    CHECK((layout.companions.front().host.kv_cache == 0U) == (layers >= 2));
  }
}

TEST_CASE("a draft that the engine does not start is said to be one") {
  const DeviceSet devices = on("32GiB");
  const Model none = predicting_model("exaone-moe");
  Candidate refused(none, Engine::LlamaCpp, nullptr, {{CompanionRole::Prediction, nullptr}});
  CHECK(weigh_run(refused, Run(), devices).reason.kind == ReasonKind::SettingRefused);
  const Model model = predicting_model("glm4moe");
  Candidate candidate(model, Engine::LlamaCpp, nullptr, {{CompanionRole::Prediction, nullptr}});
  CHECK(weigh_run(candidate, Run(), devices).verdict == Verdict::Fits);
  Run run;
  run.draft_value_type = Dtype::Q8_0;
  run.flash_attention = false;
  CHECK(weigh_run(candidate, run, devices).reason.kind == ReasonKind::SettingRefused);
}

TEST_CASE("a state is kept several times for drafts from the model's own rows alone") {
  const Model model = predicting_model("glm4moe");
  const auto drafted = [&](std::vector<Companion> companions) {
    const Candidate candidate(model, Engine::LlamaCpp, nullptr, std::move(companions));
    return run_of(RunRequest(), candidate).drafted;
  };
  CHECK(drafted({}) == 0);
  CHECK(drafted({{CompanionRole::Draft, &draft_model()}}) == 0);
  CHECK(drafted({{CompanionRole::Prediction, nullptr}}) == 3);
}
