#include "src/weigh/explain.h"

#include <filesystem>
#include <set>

#include "formats/error.h"
#include "src/weigh/weighing.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

const std::string kTestdata = WEIGH_TESTDATA;

std::vector<std::string> snapshots() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kTestdata + "/snapshots")) {
    if (entry.path().string().ends_with(".weigh.zst")) paths.push_back(entry.path().string());
  }
  return paths;
}

Model model_of(const std::string& path) { return describe(std::move(*one_of(open_checkpoints(path)).checkpoint)); }

/// What the JSON of `weigh fit` has under `need`, `budget_bytes` and `parameters.active`.
std::optional<std::uint64_t> reported(const std::string& term, const Fit& fit, const Model& model) {
  if (term == "weights") return fit.need.weights;
  if (term == "kv") return fit.need.kv_cache;
  if (term == "state") return fit.need.state;
  if (term == "compute") return fit.need.compute;
  if (term == "overhead") return fit.need.overhead;
  return term == "budget" ? std::optional(fit.budget_bytes) : model.active_parameters;
}

std::int64_t sum_of(const Explanation& explanation) {
  std::int64_t sum = 0;
  for (const ExplainedStep& step : explanation.steps) sum += step.value;
  return sum;
}

struct AskedRun {
  std::string device;
  RunOptions options;
};

std::vector<AskedRun> runs() {
  std::vector<AskedRun> runs;
  for (const std::string device : {"rtx-4090", "2x rtx-4090", "m2-ultra-192gb"}) {
    runs.push_back({device, {}});
    RunOptions longer;
    longer.context = "32k";
    longer.parallel = 3;
    runs.push_back({device, longer});
    RunOptions smaller;
    smaller.kv_type = "q8_0,q4_0";
    smaller.engine = "llama.cpp";
    runs.push_back({device, smaller});
    RunOptions apart;
    apart.gpu_layers = 5;
    apart.engine = "llama.cpp";
    runs.push_back({device, apart});
  }
  return runs;
}

}  // namespace

TEST_CASE("the steps of an explanation add up to what a fit states") {
  const Catalogue catalogue = Catalogue::built_in();
  std::size_t sums = 0;
  for (const std::string& path : snapshots()) {
    const Model model = model_of(path);
    for (const AskedRun& run : runs()) {
      const RunSetup setup = set_up_run(run.options, {run.device}, catalogue);
      std::vector<Fit> fits;
      try {
        fits = fits_of(model, setup.options, setup.companions, setup.groups, catalogue, WeighDetail::Placement);
      } catch (const UsageError&) {  // the engine has no such cache
        continue;
      }
      for (const std::string& term : explained_terms()) {
        CAPTURE(path, run.device, run.options.context, run.options.kv_type, term);
        const Explanation explanation = explain(term, model, setup);
        REQUIRE(explanation.value == reported(term, fits.front(), model));
        if (!explanation.value) continue;
        CHECK(sum_of(explanation) == static_cast<std::int64_t>(*explanation.value));
        ++sums;
      }
    }
  }
  CHECK(sums > 500);
}

TEST_CASE("a cache on one device is explained by its layers alone") {
  int known = 0;
  const Catalogue catalogue = Catalogue::built_in();
  for (const std::string& path : snapshots()) {
    const Model model = model_of(path);
    RunOptions options;
    options.engine = "llama.cpp";
    options.context = "16k";
    const Explanation explanation = explain("kv", model, set_up_run(options, {"m3-ultra-512gb"}, catalogue));
    CAPTURE(path);
    known += explanation.value ? 1 : 0;
    for (const ExplainedStep& step : explanation.steps) {
      CAPTURE(step.text);
      CHECK(step.text.find("layer") != std::string::npos);
      CHECK(step.text.find(" tokens x ") != std::string::npos);
    }
  }
  CHECK(known > 10);
}

TEST_CASE("layers that are alike are one step") {
  const Catalogue catalogue = Catalogue::built_in();
  RunOptions options;
  options.context = "32k";
  const Explanation mixtral = explain("kv", model_of(kTestdata + "/snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst"),
                                      set_up_run(options, {"rtx-4090"}, catalogue));
  REQUIRE(mixtral.steps.size() == 1);
  CHECK(mixtral.steps.front().text == "32 layers x 2 x 8 KV heads x 128 x 32,768 tokens x 2 bytes");
}

TEST_CASE("a term that does not exist is refused, and so are several devices") {
  const Catalogue catalogue = Catalogue::built_in();
  const Model model = model_of(kTestdata + "/snapshots/Llama-2-7B.Q4_0.weigh.zst");
  CHECK_THROWS_AS(explain("wights", model, set_up_run({}, {"rtx-4090"}, catalogue)), UsageError);
  CHECK_THROWS_AS(explain("kv", model, set_up_run({}, {"rtx-4090", "rtx-3060"}, catalogue)), UsageError);
}
