#include "src/fit/layout.h"

#include <numeric>

#include "src/fit/weigh_run.h"
#include "tests/fit/models.h"

using namespace weigh::core;
using namespace weigh::core::test;

TEST_CASE("layers on the host and on the device add up to the whole run") {
  const Model model = open("Llama-2-7B.Q8_0");
  Candidate candidate(model, Engine::LlamaCpp);
  Run run;
  const MemoryNeed whole = candidate.whole(run).need;
  const DeviceSet device = on("rtx-4090");
  for (const std::uint64_t gpu_layers : {0, 1, 2, 16, 32, 33, 99}) {
    CAPTURE(gpu_layers);
    run.gpu_layers = gpu_layers;
    const Layout layout = lay_out(candidate, run, device);
    const MemoryNeed& slot = layout.slots.front();
    // The output layer counts first.
    CHECK(layout.layers.front() == (gpu_layers == 0 ? 0 : std::min<std::uint64_t>(gpu_layers, 33) - 1));
    CHECK(layout.output.has_value() == (gpu_layers > 0));
    CHECK(bytes(slot.weights) + bytes(layout.host.weights) == bytes(whole.weights));
    CHECK(bytes(slot.kv_cache) + bytes(layout.host.kv_cache) == bytes(whole.kv_cache));
  }
}

TEST_CASE("several devices share whole layers, each within its own budget") {
  struct Case {
    std::vector<std::string> devices;
    Verdict verdict;
  };
  const Model model = open("Llama-2-13B-f16");
  Candidate candidate(model, Engine::LlamaCpp);
  const Run run;
  const std::uint64_t alone = bytes(lay_out(candidate, run, on("h100-sxm")).slots.front().weights);
  for (const Case& c : {Case{{"rtx-4090", "rtx-3060"}, Verdict::Fits}, Case{{"rtx-3060", "rtx-4090"}, Verdict::Fits},
                        Case{{"2x rtx-3090"}, Verdict::Fits}, Case{{"2x rtx-3060"}, Verdict::No}}) {
    CAPTURE(c.devices);
    const DeviceSet devices = together(c.devices);
    const Fit fit = weigh_run(candidate, run, devices);
    CHECK(fit.verdict == c.verdict);
    const Layout layout = lay_out(candidate, run, devices);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < layout.slots.size(); ++i) {
      sum += bytes(layout.slots[i].weights);
      if (c.verdict == Verdict::Fits) CHECK(layout.slots[i].total() <= devices.slots[i].budget.safe);
    }
    CHECK(sum == alone);
    CHECK(std::accumulate(layout.layers.begin(), layout.layers.end(), std::uint64_t{0}) == 40);
    CHECK(std::accumulate(layout.shares.begin(), layout.shares.end(), std::uint64_t{0}) == 41);
    CHECK(layout.output == layout.slots.size() - 1);
  }
}

TEST_CASE("vLLM divides matrices and heads, and keeps norms whole") {
  const Model model = open("Llama-2-7B-f16");
  Candidate candidate(model, Engine::Vllm);
  Run run;
  run.engine = Engine::Vllm;
  const Layout one = lay_out(candidate, run, on("rtx-4090"));
  const Layout two = lay_out(candidate, run, on("2x rtx-4090"));
  REQUIRE(two.slots.size() == 2);
  for (const MemoryNeed& slot : two.slots) {
    CHECK(bytes(slot.weights) > bytes(one.slots.front().weights) / 2);
    CHECK(bytes(slot.weights) < bytes(one.slots.front().weights) / 2 + (1 << 20));
    CHECK(bytes(slot.kv_cache) == bytes(one.slots.front().kv_cache) / 2);
    CHECK(slot.compute == one.slots.front().compute);
  }
}
