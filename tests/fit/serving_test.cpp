// Engines that pool their cache: they start, or say why not.
#include "src/fit/serving.h"

#include <functional>

#include "src/fit/weigh.h"
#include "tests/catch.h"
#include "tests/fit/models.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

Fit weighed_as(const Model& model, const DeviceSet& devices, const RunRequest& request,
               WeighDetail detail = WeighDetail::Run) {
  return weigh::core::weigh(model, request, {&devices, 1}, catalogue(), detail).fits.front();
}

RunRequest in_vllm(const std::function<void(RunRequest&)>& set = {}) {
  RunRequest request{.engine = Engine::Vllm};
  if (set) set(request);
  return request;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

TEST_CASE("vLLM says in its own words why it does not start") {
  const Model model = open("Llama-2-7B-f16");
  struct Row {
    std::string device;
    std::function<void(RunRequest&)> set;
    std::string_view error;
  };
  for (const Row& row : std::vector<Row>{
           {"rtx-3090", {}, ""},
           {"rtx-4060", {}, "CUDA out of memory while loading"},
           {"rtx-3090", [](RunRequest& r) { r.serving.share = 5000; }, "No available memory for the cache blocks"},
           {"rtx-3090", [](RunRequest& r) { r.context = 40'000; },
            "To serve at least one request with the model's max seq len (40000), 19.53 GiB KV cache is needed"},
           {"rtx-3090",
            [](RunRequest& r) {
              r.context = 40'000;
              r.serving.version = EngineVersion{0, 6};
            },
            "The model's max seq len (40000) is larger than the maximum number of tokens"},
           {"rtx-3090", [](RunRequest& r) { r.serving.tensor_parallel = 2; },
            "World size (2) is larger than the number of available GPUs (1)"},
           {"3x rtx-3090", [](RunRequest& r) { r.serving.tensor_parallel = 3; },
            "Total number of attention heads (32) must be divisible by tensor parallel size (3)"},
           {"2x rtx-3090", [](RunRequest& r) { r.serving.context_parallel = 3; }, "must be divisible by dcp_size=3"},
           {"rtx-3090",
            [](RunRequest& r) {
              r.serving.share = 10'000;
              r.serving.version = EngineVersion{0, 20};
            },
            "while capturing graphs"}}) {
    CAPTURE(row.device, row.error);
    const Fit fit = weighed_as(model, on(row.device), in_vllm(row.set));
    REQUIRE(fit.serving);
    CHECK(fit.serving->starts == row.error.empty());
    CHECK(contains(fit.serving->error, row.error));
    CHECK(fit.verdict == (row.error.empty() ? Verdict::Fits : Verdict::No));
    CHECK(fit.reason.detail == fit.serving->error);
    CHECK(fit.command.empty() == !row.error.empty());
  }
}

TEST_CASE("a device whose memory is in use is asked for more than is free") {
  const Model model = open("Llama-2-7B-f16");
  DeviceSet busy = on("rtx-3090");
  Device card = busy.slots.front().device;
  card.limit_bytes = std::uint64_t{16} << 30;
  card.limit_is_free = true;
  busy.slots.front() = Slot(card);
  CHECK(contains(weighed_as(model, busy, in_vllm()).serving->error, "Free memory on device (16.00 GiB/23.50 GiB)"));
  CHECK(weighed_as(model, busy, in_vllm([](RunRequest& r) { r.serving.share = 6700; })).serving->starts);
}

TEST_CASE("a pool is what the share leaves, and the command line pins every figure") {
  const Model model = open("Llama-2-7B-f16");
  const Fit fit = weighed_as(model, on("rtx-3090"), in_vllm());
  const Serving& serving = *fit.serving;
  CHECK(serving.available_bytes ==
        static_cast<std::int64_t>(serving.requested_bytes - serving.weight_bytes - serving.activation_bytes -
                                  serving.outside_bytes - serving.graph_bytes));
  CHECK(serving.blocks == static_cast<std::uint64_t>(serving.available_bytes) / serving.block_bytes);
  CHECK(fit.budget_bytes == serving.requested_bytes);
  for (const std::string_view flag : {"--max-model-len 4096", "--max-num-seqs 256", "--max-num-batched-tokens 2048",
                                      "--gpu-memory-utilization 0.92"}) {
    CHECK(contains(fit.command, flag));
  }
  CHECK(serving.assumptions.size() == 4);
  const Fit told = weighed_as(
      model, on("rtx-3090"), in_vllm([](RunRequest& r) {
        r.serving = {
            .version = EngineVersion{0, 20}, .share = 9000, .max_sequences = 8, .batched_tokens = 4096, .eager = true};
      }));
  CHECK(told.serving->assumptions.empty());
  CHECK(told.serving->graph_bytes == 0);
  CHECK(contains(told.command, "--enforce-eager"));
}

TEST_CASE("as many requests as are asked for have to find their place") {
  const Model model = open("Llama-2-7B-f16");
  const auto with = [&](std::uint64_t requests) {
    return weighed_as(model, on("rtx-3090"), in_vllm([&](RunRequest& r) {
                        r.sequences = requests;
                        r.context = 4096 * requests;
                      }));
  };
  CHECK(with(4).verdict == Verdict::Fits);
  const Fit more = with(5);
  CHECK(more.verdict == Verdict::No);
  CHECK(more.serving->starts);
  CHECK(contains(more.reason.detail, "its pool holds 4.09 requests of 4096 tokens at a time, not 5"));
}

TEST_CASE("the need is within the share exactly where one request finds its place") {
  const Model model = open("Llama-2-7B-f16");
  for (const Engine engine : {Engine::Vllm, Engine::Sglang}) {
    CAPTURE(engine_name(engine));
    for (std::uint64_t context = 16384; context <= 17408; context += 16) {
      RunRequest request{.engine = engine, .context = context};
      const Fit fit = weighed_as(model, on("rtx-3090"), request, WeighDetail::Placement);
      CAPTURE(context);
      CHECK((fit.verdict == Verdict::Fits) == (fit.need.total() <= fit.budget_bytes));
    }
  }
}

TEST_CASE("settings of a start are tried before they are proposed") {
  const Model model = open("Llama-2-7B-f16");
  const Fit fit =
      weighed_as(model, on("rtx-3090"), in_vllm([](RunRequest& r) { r.context = 17'000; }), WeighDetail::Advice);
  REQUIRE(fit.verdict == Verdict::No);
  std::vector<std::string> flags;
  for (const Advice& advice : fit.advice) {
    if (advice.kind == AdviceKind::Start) flags.push_back(advice.flags.front());
  }
  CHECK(flags == std::vector<std::string>{"--gpu-memory-utilization", "--max-num-seqs", "--enforce-eager"});
}

TEST_CASE("SGLang keeps memory free beside its share, and a pool of single tokens") {
  const Model model = open("Llama-2-7B-f16");
  const Fit fit = weighed_as(model, on("rtx-3090"), {.engine = Engine::Sglang});
  REQUIRE(fit.serving);
  CHECK(fit.serving->starts);
  CHECK(fit.serving->pool_tokens == static_cast<std::uint64_t>(fit.serving->available_bytes) / (32 * 2 * 4096 * 2));
  CHECK(contains(fit.command, "--mem-fraction-static 0.87"));
  CHECK(contains(fit.command, "--context-length 4096"));
}
