#include <sstream>

#include "src/checkpoint/open_checkpoint.h"
#include "src/verify/compare_llama_cpp.h"
#include "src/verify/compare_serving.h"
#include "src/verify/llama_cpp_run.h"
#include "src/verify/read_log.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

const Model& mixtral() {
  static const Model kModel = [] {
    OpenResult opened = open_checkpoints(WEIGH_TESTDATA "/snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst");
    REQUIRE(opened.checkpoints.size() == 1);
    return describe(std::move(opened.checkpoints.front()));
  }();
  return kModel;
}

VerifiedRun compare(const std::string& text) {
  std::istringstream in(text);
  const EngineLog log = read_engine_log(in, "a.log");
  REQUIRE(log.models.size() == 1);
  REQUIRE(log.models.front().runs.size() == 1);
  return compare_llama_cpp(log.models.front(), log.models.front().runs.front(), mixtral(), Run{});
}

const VerifiedRow* find(const VerifiedRun& run, LogPart part, std::string_view device) {
  for (const VerifiedRow& row : run.rows) {
    if (row.part == part && row.device == device) return &row;
  }
  return nullptr;
}

}  // namespace

TEST_CASE("buffers lie in the host's memory or in a device's", "[verify]") {
  struct Row {
    const char* buffer;
    const char* memory;
  };
  for (const Row& row : {Row{"CPU", ""}, Row{"CPU_Mapped", ""}, Row{"CPU_REPACK", ""}, Row{"CUDA_Host", ""},
                         Row{"Host", ""}, Row{"CUDA0", "CUDA0"}, Row{"MTL0_Mapped", "MTL0"}, Row{"Vulkan0", "Vulkan0"},
                         Row{"HTP0-REPACK", "HTP0"}, Row{"ROCm_Host", ""}}) {
    INFO(row.buffer);
    CHECK(memory_of(row.buffer) == row.memory);
  }
}

TEST_CASE("a recorded run agrees, and a wrong figure is off by its rule", "[verify]") {
  const std::string start = "RUN 4096:f16:-1:512:1:0:0\nx: CPU output buffer size = 0.12 MiB\n";
  const VerifiedRun right =
      compare(start + "x: CPU KV buffer size = 512.00 MiB\nx: CPU compute buffer size = 204.01 MiB\n");
  REQUIRE(right.rows.size() == 3);
  for (const VerifiedRow& row : right.rows) {
    INFO(traits_of(row.part).name);
    CHECK(row.agrees());
    CHECK(row.error() == 0);
  }
  const VerifiedRun wrong =
      compare(start + "x: CPU KV buffer size = 500.00 MiB\nx: CPU compute buffer size = 204.01 MiB\n");
  const VerifiedRow* cache = find(wrong, LogPart::KvCache, "CPU");
  REQUIRE(cache != nullptr);
  CHECK_FALSE(cache->agrees());
  CHECK(*cache->error() == Approx(2.4));
  CHECK(cache->rule == "docs/memory-rules.md 3.1");
}

TEST_CASE("the context that is printed is the one asked for, rounded", "[verify]") {
  const VerifiedRun run =
      compare("RUN 10000:f16:-1:512:1:0:0\nllama_context: n_ctx = 10240\nx: CPU KV buffer size = 1280.00 MiB\n");
  REQUIRE(find(run, LogPart::Context, "") != nullptr);
  CHECK(find(run, LogPart::Context, "")->agrees());
  CHECK(find(run, LogPart::KvCache, "CPU")->agrees());
  // What was asked for is no figure of the engine.
  const VerifiedRun asked = compare("RUN 10000:f16:-1:512:1:0:0\nx: CPU KV buffer size = 1280.00 MiB\n");
  CHECK(find(asked, LogPart::Context, "") == nullptr);
}

TEST_CASE("layers and experts that stay on the host", "[verify]") {
  const std::string log =
      "load_tensors: offloaded 17/33 layers to GPU\nx: CUDA0 model buffer size = 1.00 MiB\nx: CPU_Mapped model buffer "
      "size = "
      "1.00 MiB\nllama_context: n_ctx = 4096\nx: CUDA0 KV buffer size = 256.00 MiB\nx: CPU KV buffer size = 256.00 "
      "MiB\n";
  const VerifiedRun run = compare(log);
  REQUIRE(find(run, LogPart::KvCache, "CUDA0") != nullptr);
  CHECK(find(run, LogPart::KvCache, "CUDA0")->agrees());
  CHECK(find(run, LogPart::KvCache, "CPU")->agrees());
  CHECK(find(run, LogPart::Weights, "CPU_Mapped")->rule == "docs/memory-rules.md 1.4");
  // What is missing on one memory is 0 there, not unknown.
  const VerifiedRun missing = compare(log.substr(0, log.rfind("x: CPU KV")));
  REQUIRE(find(missing, LogPart::KvCache, "host") != nullptr);
  CHECK(find(missing, LogPart::KvCache, "host")->engine.value == 0);
  CHECK_FALSE(find(missing, LogPart::KvCache, "host")->error().has_value());
}

TEST_CASE("what is repacked beside a mapped file is a copy", "[verify]") {
  const std::string start = "RUN 4096:f16:-1:512:1:0:0\nx: CPU KV buffer size = 512.00 MiB\n";
  const VerifiedRun mapped =
      compare("x: CPU_Mapped model buffer size = 27129.87 MiB\nx: CPU_REPACK model buffer size = 921.38 MiB\n" + start);
  REQUIRE(find(mapped, LogPart::Weights, "CPU_Mapped") != nullptr);
  CHECK(find(mapped, LogPart::Weights, "CPU_Mapped")->agrees());
  CHECK_FALSE(find(mapped, LogPart::Weights, "CPU_REPACK")->weigh.has_value());
  const VerifiedRun loaded =
      compare("x: CPU model buffer size = 27000.00 MiB\nx: CPU_REPACK model buffer size = 129.87 MiB\n" + start);
  REQUIRE(find(loaded, LogPart::Weights, "host") != nullptr);
  CHECK(find(loaded, LogPart::Weights, "host")->agrees());
}

TEST_CASE("settings that the log has not are named", "[verify]") {
  const VerifiedRun run = compare("x: CPU KV buffer size = 512.00 MiB\n");
  for (const char* words :
       {"the default context", "sequences 1", "micro-batch 512", "flash attention on", "cache f16"}) {
    INFO(words);
    CHECK(std::ranges::find(run.assumptions, words) != run.assumptions.end());
  }
  CHECK(compare("RUN 4096:f16:-1:512:1:0:0\nx: CPU KV buffer size = 512.00 MiB\n").assumptions.empty());
}

TEST_CASE("a pool of cache pages, figure by figure", "[verify]") {
  LogRun run;
  run.figures = {{LogPart::AvailableCache, {}, *printed_number("-1.44", std::uint64_t{1} << 30)},
                 {LogPart::Blocks, {}, *printed_number("1952")},
                 {LogPart::Concurrency, {}, *printed_number("1.56", 10'000)}};
  Serving serving;
  serving.available_bytes = -1'546'188'226;
  serving.blocks = 1952;
  serving.max_concurrency = 1.5616;
  serving.assumptions = {"max_num_seqs 256"};
  const VerifiedRun compared = compare_serving(run, &serving);
  REQUIRE(compared.rows.size() == 3);
  for (const VerifiedRow& row : compared.rows) CHECK(row.agrees());
  CHECK(compared.assumptions == serving.assumptions);
  serving.blocks = 2000;
  const VerifiedRun off = compare_serving(run, &serving);
  CHECK(std::ranges::count_if(off.rows, &VerifiedRow::agrees) == 2);
  for (const VerifiedRow& row : compare_serving(run, nullptr).rows) CHECK_FALSE(row.weigh.has_value());
}
