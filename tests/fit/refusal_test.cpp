#include "src/fit/refusal.h"

#include "src/fit/weigh.h"
#include "tests/fit/models.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

Fit weighed(const Model& model, const std::string& device, std::optional<Engine> engine) {
  const DeviceSet devices = on(device);
  return weigh::core::weigh(model, {.engine = engine}, {&devices, 1}, catalogue()).fits.front();
}

Model fixture(const std::string& path) {
  OpenResult opened = open_checkpoints(WEIGH_TESTDATA "/" + path);
  REQUIRE(opened.checkpoints.size() == 1);
  return describe(std::move(opened.checkpoints.front()));
}

}  // namespace

TEST_CASE("an engine that does not run on a device or does not read the files is a no, whatever the memory") {
  const Model gguf = open("Llama-2-7B.Q4_0");
  Model checkpoint = open("Llama-2-7B-f16");
  Model mlx = open("Llama-2-7B-f16");
  mlx.quantization = Quantization{"mlx-affine", 4, 64};
  Model diffusion = open("Llama-2-7B-f16");
  diffusion.kind = "diffusion transformer";
  struct Row {
    const Model* model;
    std::string device;
    Engine engine;
    ReasonKind reason;
  };
  const std::vector<Row> rows = {
      {&checkpoint, "h100-sxm", Engine::Vllm, ReasonKind::None},
      {&checkpoint, "mi300x", Engine::Vllm, ReasonKind::None},
      {&checkpoint, "gtx-1660", Engine::Vllm, ReasonKind::NotStarted},
      {&checkpoint, "gtx-1080", Engine::Vllm, ReasonKind::EngineNotThere},
      {&checkpoint, "p40", Engine::Vllm, ReasonKind::EngineNotThere},
      {&checkpoint, "p5-48xlarge", Engine::Vllm, ReasonKind::None},
      {&checkpoint, "m2-ultra-192gb", Engine::Vllm, ReasonKind::EngineNotThere},
      {&checkpoint, "m2-ultra-192gb", Engine::Mlx, ReasonKind::None},
      {&checkpoint, "rtx-4090", Engine::Mlx, ReasonKind::EngineNotThere},
      {&checkpoint, "tpu-v5e", Engine::LlamaCpp, ReasonKind::EngineNotThere},
      {&gguf, "rtx-4090", Engine::Vllm, ReasonKind::GgufNotRead},
      {&gguf, "rtx-4090", Engine::LlamaCpp, ReasonKind::None},
      {&mlx, "h100-sxm", Engine::Vllm, ReasonKind::SchemeNotRead},
      {&mlx, "m2-ultra-192gb", Engine::Mlx, ReasonKind::None},
      {&diffusion, "h100-sxm", Engine::LlamaCpp, ReasonKind::ModelNotRun},
  };
  for (const Row& row : rows) {
    CAPTURE(row.model->checkpoint.name, row.device, engine_name(row.engine));
    const Fit fit = weighed(*row.model, row.device, row.engine);
    CHECK(fit.reason.kind == row.reason);
    CHECK((fit.verdict == Verdict::No) == (row.reason != ReasonKind::None));
    CHECK(fit.need.total() > 0);
  }
}

TEST_CASE("files of another program are weighed without an engine, unless one is asked for") {
  Model diffusion = open("Llama-2-7B.Q4_0");
  diffusion.kind = "diffusion transformer";
  Model packed = open("Llama-2-7B-f16");
  packed.quantization = Quantization{"svdquant", 4, 64};
  for (const Model* model : {&diffusion, &packed}) {
    const Fit fit = weighed(*model, "h100-sxm", std::nullopt);
    CHECK(fit.verdict == Verdict::Fits);
    CHECK_FALSE(fit.engine);
    CHECK(fit.command.empty());
    CHECK(weighed(*model, "h100-sxm", Engine::LlamaCpp).verdict == Verdict::No);
  }
}

TEST_CASE("a file that nothing loads as it is, is broken on every device, and has neither command nor advice") {
  for (const char* path : {"gguf/bad/truncated-in-data.gguf", "gguf/bad/removed-4-Q4_2.gguf", "gguf/bad/overlap.gguf",
                           "gguf/bad/split-missing-middle-00001-of-00003.gguf", "gguf/good/fork-ik-llama.gguf"}) {
    CAPTURE(path);
    const Fit fit = weighed(fixture(path), "h100-sxm", std::nullopt);
    CHECK(fit.verdict == Verdict::Broken);
    CHECK_FALSE(fit.reason.detail.empty());
    CHECK(fit.command.empty());
  }
}

TEST_CASE("vLLM cuts the heads into as many parts as there are cards, or else they are stages") {
  const Model llama = open("Llama-2-7B-f16");  // 32 heads
  CHECK(weighed(llama, "2x h100-sxm", Engine::Vllm).flags == std::vector<std::string>{"--tensor-parallel-size", "2"});
  const Fit stages = weighed(llama, "3x h100-sxm", Engine::Vllm);
  CHECK(stages.flags == std::vector<std::string>{"--pipeline-parallel-size", "3"});
  REQUIRE(stages.placement);
  std::uint64_t layers = 0;
  for (const PlacedPart& part : stages.placement->devices) layers += part.layers;
  CHECK(layers == 32);
}
