#include "src/fit/weigh_training.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/fit/models.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

Fit trained(const Model& model, const TrainingSettings& settings, const DeviceSet& devices) {
  const std::vector<DeviceSet> sets{devices};
  const RunRequest request{.training = settings};
  Weighing weighing = ::weigh::core::weigh(model, request, sets, catalogue(), WeighDetail::Advice);
  REQUIRE(weighing.fits.size() == 1);
  return std::move(weighing.fits.front());
}

}  // namespace

TEST_CASE("training is held against the same budgets, and its parts are the need", "[training]") {
  const Model model = open("Llama-2-7B-f16");
  struct Row {
    TrainingSettings settings;
    const char* device;
    Verdict verdict;
  };
  const std::vector<Row> rows{
      {{.recipe = Recipe::Full}, "h100-sxm", Verdict::No},
      {{.recipe = Recipe::Lora}, "rtx-4090", Verdict::No},
      {{.recipe = Recipe::Qlora}, "rtx-4090", Verdict::Fits},
      {{.recipe = Recipe::Full, .sharding = Sharding::Zero3}, "8x h100-sxm", Verdict::Fits},
      {{.recipe = Recipe::Full}, "8x h100-sxm", Verdict::No},
  };
  for (const Row& row : rows) {
    CAPTURE(row.device, name_of(row.settings.recipe));
    const Fit fit = trained(model, row.settings, on(row.device));
    CHECK(fit.verdict == row.verdict);
    REQUIRE(fit.training);
    CHECK(fit.need.total() == fit.training->need.total());
    CHECK(fit.training->settings.devices == on(row.device).slots.size());
    CHECK(fit.basis == Basis::Estimate);
    CHECK_FALSE(fit.host);
    CHECK_FALSE(fit.engine);
    CHECK_FALSE(fit.training->rules.empty());
  }
}

TEST_CASE("devices that share nothing have everything each", "[training]") {
  const Model model = open("Llama-2-7B-f16");
  const std::uint64_t one = trained(model, {}, on("h100-sxm")).need.total();
  CHECK(trained(model, {}, on("2x h100-sxm")).need.total() == 2 * one);
  CHECK(trained(model, {}, together({"h100-sxm", "rtx-4090"})).need.total() == 2 * one);
  const TrainingSettings sharded{.sharding = Sharding::Zero3};
  CHECK(trained(model, sharded, on("2x h100-sxm")).need.total() < 2 * one);
}

TEST_CASE("advice on training fits, and says how", "[training]") {
  const Model model = open("Llama-2-7B-f16");
  const Fit one = trained(model, {.sequences = 4}, on("rtx-4090"));
  REQUIRE(one.advice.size() >= 2);
  for (const Advice& advice : one.advice) {
    CAPTURE(advice.name);
    CHECK(advice.kind == AdviceKind::Training);
    CHECK_FALSE(advice.name.empty());
    REQUIRE(advice.flags.size() % 2 == 0);
    const auto more = std::ranges::find(advice.flags, "--on");
    const std::string where = more == advice.flags.end() ? "rtx-4090" : *(more + 1);
    CHECK(advice.need_bytes <= on(where).slots.size() * one.budget_bytes);
  }
  const auto proposes = [&](const Fit& fit, const std::string& word) {
    return std::ranges::any_of(fit.advice,
                               [&](const Advice& a) { return std::ranges::find(a.flags, word) != a.flags.end(); });
  };
  CHECK(proposes(one, "lora"));
  CHECK(proposes(one, "zero3"));
  CHECK(proposes(trained(model, {}, on("8x h100-sxm")), "--shard"));
  CHECK(proposes(trained(model, {.recipe = Recipe::Qlora, .sequences = 64}, on("rtx-4090")), "--batch"));
  CHECK(proposes(trained(model, {.recipe = Recipe::Qlora}, on("12GiB")), "--checkpointing"));
  CHECK(trained(model, {.recipe = Recipe::Qlora}, on("h100-sxm")).advice.empty());
}

TEST_CASE("a GGUF file and quantized weights are refused, whatever the memory", "[training]") {
  const Fit fit = trained(open("Llama-2-7B.Q8_0"), {.recipe = Recipe::Lora}, on("h100-sxm"));
  CHECK(fit.verdict == Verdict::No);
  CHECK(fit.reason.kind == ReasonKind::NotTrained);
  CHECK_FALSE(fit.training);
  CHECK(fit.advice.empty());
}
