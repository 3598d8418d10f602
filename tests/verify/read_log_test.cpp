#include "src/verify/read_log.h"

#include <fstream>
#include <sstream>

#include "formats/error.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

EngineLog read(const std::string& text) {
  std::istringstream in(text);
  return read_engine_log(in, "a.log");
}

EngineLog read_file(const std::string& name) {
  std::ifstream in(std::string(WEIGH_TESTDATA "/logs/") + name, std::ios::binary);
  REQUIRE(in.is_open());
  return read_engine_log(in, name);
}

const LogFigure* find(const std::vector<LogFigure>& figures, LogPart part, std::string_view device = {},
                      std::uint32_t cache = 0) {
  for (const LogFigure& figure : figures) {
    if (figure.part == part && figure.device == device && figure.cache == cache) return &figure;
  }
  return nullptr;
}

constexpr double kMiB = 1 << 20;

}  // namespace

TEST_CASE("a server's log: settings, buffers and the command", "[verify]") {
  const EngineLog log = read_file("server-gpu.log");
  CHECK(log.engine == Engine::LlamaCpp);
  CHECK(log.version == "b7940");
  REQUIRE(log.models.size() == 1);
  const LogModel& model = log.models.front();
  CHECK(model.path == "/srv/models/Mixtral-8x7B-v0.1.Q4_K_M.gguf");
  CHECK(model.architecture == "llama");
  CHECK(model.layers == 32);
  CHECK(model.settings.gpu_layers == 33);
  CHECK(model.settings.cpu_moe_layers == 20);
  REQUIRE(model.devices.size() == 1);
  CHECK(model.devices.front().name == "CUDA0");
  REQUIRE(model.runs.size() == 1);
  const LogRun& run = model.runs.front();
  CHECK(run.settings.context == 16384);  // not that of a slot
  CHECK(run.settings.sequences == 2);
  CHECK(run.settings.micro_batch == 512);
  CHECK(run.settings.flash_attention == true);
  CHECK(run.settings.unified_cache == false);
  CHECK(run.settings.key_type == "q8_0");
  REQUIRE(find(run.figures, LogPart::KvCache, "CUDA0") != nullptr);
  CHECK(find(run.figures, LogPart::KvCache, "CUDA0")->value.value == 1088 * kMiB);
  CHECK(find(run.figures, LogPart::Compute, "CUDA_Host") != nullptr);
  CHECK(find(model.loaded, LogPart::Weights, "CUDA0") != nullptr);
}

TEST_CASE("each line of llama.cpp says one thing", "[verify]") {
  struct Row {
    const char* lines;
    LogPart part;
    const char* device;
    double mib;
    std::uint32_t cache = 0;
  };
  const std::vector<Row> rows{
      {"llama_kv_cache: CUDA0 KV buffer size = 8.00 MiB", LogPart::KvCache, "CUDA0", 8},
      {"llama_kv_cache: CPU KV buffer size = 8.00 MiB\nllama_kv_cache: CPU KV buffer size = 4.00 MiB", LogPart::KvCache,
       "CPU", 4, 1},
      {"a: CUDA0 KV buffer size = 8.00 MiB\nllama_kv_cache: size = 8.00 MiB (1 cells), K (f16): 4.00 MiB, V (f16): "
       "4.00 MiB\n"
       "a: CUDA1 KV buffer size = 4.00 MiB",
       LogPart::KvCache, "CUDA1", 4, 1},
      {"llama_memory_recurrent: CPU RS buffer size = 55.37 MiB", LogPart::State, "CPU", 55.37},
      {"llama_context: CUDA_Host output buffer size = 0.50 MiB", LogPart::Output, "CUDA_Host", 0.5},
      {"sched_reserve: CUDA0 compute buffer size = 9.00 MiB", LogPart::Compute, "CUDA0", 9},
      {"sched_reserve: CPU compute buffer size = 527.00 MiB\n"
       "~llama_context: CPU compute buffer size is 527.0020 MiB, matches expectation of 527.0020 MiB",
       LogPart::Compute, "CPU", 527.0020},
      {"sched_reserve: CPU compute buffer size = 527.00 MiB\n"
       "~llama_context: CPU compute buffer size of 600.0000 MiB, does not match expectation of 527.0020 MiB",
       LogPart::Compute, "CPU", 527.0020},
      // Of a context that is not this one, and of a projector.
      {"sched_reserve: CPU compute buffer size = 527.00 MiB\n"
       "~llama_context: CPU compute buffer size is 99.0020 MiB, matches expectation of 99.0020 MiB",
       LogPart::Compute, "CPU", 527},
      {"sched_reserve: CUDA0 compute buffer size = 9.00 MiB\nalloc_compute_meta: CUDA0 compute buffer size = 2.00 MiB",
       LogPart::Compute, "CUDA0", 9},
      {"\x1b[32msched_reserve: CUDA0 compute buffer size = 9.00 MiB\x1b[0m", LogPart::Compute, "CUDA0", 9},
      {"x: printing estimated memory in MiB to stdout (device, model, context, compute) ...\nMTL0 1743 448 304",
       LogPart::Compute, "MTL0", 304},
      {"x: |   - CUDA0 (RTX 5090)   | 32606 = 1057 + (29365 = 28609 +     397 +     358) +        2183 |",
       LogPart::CacheAndState, "CUDA0", 397},
      {"x: |   - Host               |                 30956 = 30940 +       0 +      16                |",
       LogPart::Weights, "Host", 30940},
  };
  for (const Row& row : rows) {
    INFO(row.lines);
    const EngineLog log = read(row.lines);
    CHECK(log.engine == Engine::LlamaCpp);
    REQUIRE(log.models.size() == 1);
    REQUIRE(log.models.front().runs.size() == 1);
    const LogFigure* figure = find(log.models.front().runs.front().figures, row.part, row.device, row.cache);
    REQUIRE(figure != nullptr);
    CHECK(static_cast<double>(figure->value.value) == Approx(row.mib * kMiB).margin(1));
  }
}

TEST_CASE("weights of several files are one sum", "[verify]") {
  const EngineLog log = read(
      "load_tensors: CPU_Mapped model buffer size = 10.00 MiB\nload_tensors: CPU_Mapped model buffer size = 5.00 MiB\n"
      "llm_load_tensors: CUDA0 buffer size = 3.00 MiB\nalloc_compute_meta: CUDA0 buffer size = 7.00 MiB");
  REQUIRE(log.models.size() == 1);
  REQUIRE(find(log.models.front().loaded, LogPart::Weights, "CPU_Mapped") != nullptr);
  CHECK(find(log.models.front().loaded, LogPart::Weights, "CPU_Mapped")->value.value == 15 * kMiB);
  CHECK(find(log.models.front().loaded, LogPart::Weights, "CUDA0")->value.value == 3 * kMiB);
}

TEST_CASE("a log of several models and runs", "[verify]") {
  const EngineLog log = read(
      "== one: real memory-mapped loads; RUN = n_ctx:...\nload_tensors: CPU model buffer size = 1.00 MiB\n"
      "RUN 4096:f16:-1:512:1:0:0\nx: CPU compute buffer size = 1.00 MiB\n"
      "RUN 8192:q8_0:0:128:4:1:1\nx: CPU compute buffer size = 2.00 MiB\n"
      "== two: real memory-mapped loads; RUN = n_ctx:...\nx: CPU model buffer size = 1.00 MiB\n");
  REQUIRE(log.models.size() == 2);
  CHECK(log.models[0].name == "one");
  CHECK(log.models[1].name == "two");
  REQUIRE(log.models[0].runs.size() == 2);
  const LogSettings& settings = log.models[0].runs[1].settings;
  CHECK(settings.context == 8192);
  CHECK(settings.key_type == "q8_0");
  CHECK(settings.flash_attention == false);
  CHECK(settings.micro_batch == 128);
  CHECK(settings.sequences == 4);
  CHECK(settings.unified_cache == true);
  CHECK(settings.full_window_cache == true);
  CHECK(settings.logits_of_all_tokens);
}

TEST_CASE("a sliding model's context in the order that it is printed", "[verify]") {
  const EngineLog log = read(
      "llama_context: n_ctx = 8192\nllama_context: CPU output buffer size = 0.77 MiB\n"
      "llama_kv_cache_iswa: using full-size SWA cache (ref: x)\n"
      "llama_kv_cache_iswa: creating non-SWA KV cache, size = 8192 cells\n"
      "llama_kv_cache: CUDA0 KV buffer size = 51.00 MiB\nllama_kv_cache: CUDA1 KV buffer size = 51.00 MiB\n"
      "llama_kv_cache_iswa: creating     SWA KV cache, size = 768 cells\n"
      "llama_kv_cache: CUDA1 KV buffer size = 3.19 MiB\nllama_kv_cache: CUDA0 KV buffer size = 1.06 MiB\n"
      "llama_kv_cache: size = 3.19 MiB (   768 cells,  12 layers,  1/1 seqs), K (q8_0): 1.59 MiB, V (q4_0): 1.59 MiB\n"
      "srv load_model: initializing, n_slots = 4, n_ctx_slot = 8192, kv_unified = 'true'\n");
  REQUIRE(log.models.size() == 1);
  REQUIRE(log.models.front().runs.size() == 1);
  const LogRun& run = log.models.front().runs.front();
  CHECK(run.figures.size() == 5);
  CHECK(run.settings.full_window_cache == true);
  CHECK(run.settings.value_type == "q4_0");
  CHECK(run.cached_layers == 12);
  CHECK(log.models.front().settings.sequences == 4);
  for (const char* device : {"CUDA0", "CUDA1"}) {
    REQUIRE(find(run.figures, LogPart::KvCache, device, 0) != nullptr);
    REQUIRE(find(run.figures, LogPart::KvCache, device, 1) != nullptr);
  }
}

TEST_CASE("vLLM's lines of two ages", "[verify]") {
  constexpr double kGiB = 1 << 30;
  const EngineLog log = read_file("vllm.log");
  CHECK(log.engine == Engine::Vllm);
  CHECK(log.version == "0.11.0");
  REQUIRE(log.models.size() == 1);
  const LogSettings& settings = log.models.front().settings;
  CHECK(log.models.front().path == "/models/Llama-2-7B-f16");
  CHECK(settings.length == 4096);
  CHECK(settings.share == "0.9");
  CHECK(settings.serving.max_sequences == 64);
  CHECK(settings.serving.tensor_parallel == 1);
  CHECK_FALSE(settings.serving.eager);
  const std::vector<LogFigure>& figures = log.models.front().runs.front().figures;
  CHECK(static_cast<double>(find(figures, LogPart::AvailableCache)->value.value) == Approx(8.07 * kGiB));
  CHECK(find(figures, LogPart::PoolTokens)->value.value == 16528);
  CHECK(find(figures, LogPart::Concurrency)->value.value == 40400);
  CHECK(static_cast<double>(find(figures, LogPart::Graphs)->value.value) == Approx(0.45 * kGiB));

  const EngineLog old = read_file("vllm-old.log");
  CHECK(old.version == "0.6.4.post1");
  CHECK(old.models.front().settings.serving.eager);
  CHECK(old.models.front().settings.device_bytes.has_value());
  const std::vector<LogFigure>& more = old.models.front().runs.front().figures;
  for (const LogPart part : {LogPart::Weights, LogPart::Outside, LogPart::Activation, LogPart::AvailableCache,
                             LogPart::Blocks, LogPart::Requested, LogPart::Concurrency}) {
    INFO(traits_of(part).name);
    CHECK(find(more, part) != nullptr);
  }
  const EngineLog failed = read_file("vllm-error.log");
  CHECK(failed.models.front().runs.front().error.starts_with("No available memory for the cache blocks"));
  CHECK(find(failed.models.front().runs.front().figures, LogPart::AvailableCache)->value.value < 0);
}

TEST_CASE("what is no log is refused in one sentence", "[verify]") {
  using Catch::Matchers::Contains;
  CHECK_THROWS_WITH(read(""), Contains("is empty"));
  CHECK_THROWS_WITH(read("\x1f\x8b\x08 etc"), Contains("gzip"));
  CHECK_THROWS_WITH(read("GGUF\x03"), Contains("is a model, not a log"));
  CHECK_THROWS_WITH(read(std::string("a\0b", 3)), Contains("is not text"));
  CHECK_FALSE(read("hello\nworld\n").engine.has_value());
}

TEST_CASE("a log in UTF-16, and lines that end as on Windows", "[verify]") {
  const std::string line = "sched_reserve: CUDA0 compute buffer size = 9.00 MiB\r\n";
  std::string wide = "\xff\xfe";
  for (const char c : line) wide += {c, '\0'};
  for (const EngineLog& log : {read(wide), read(line)}) {
    REQUIRE(log.models.size() == 1);
    CHECK(find(log.models.front().runs.front().figures, LogPart::Compute, "CUDA0") != nullptr);
  }
}

TEST_CASE("what is kept of a log is bounded", "[verify]") {
  std::string text;
  for (int i = 0; i < 300; ++i) {
    text += "== m" + std::to_string(i) + ": real memory-mapped loads\nx: CPU model buffer size = 1.00 MiB\n";
  }
  const EngineLog models = read(text);
  CHECK(models.models.size() == LogBuilder::kMostModels);
  CHECK(models.left_out);
  text.clear();
  for (int i = 0; i < 1000; ++i) text += "RUN 4096:f16:-1:512:1:0:0\nx: CPU compute buffer size = 1.00 MiB\n";
  CHECK(read(text).models.front().runs.size() == LogBuilder::kMostRuns);
  text.clear();
  for (int i = 0; i < 1000; ++i) text += "x: D" + std::to_string(i) + " compute buffer size = 1.00 MiB\n";
  CHECK(read(text).models.front().runs.front().figures.size() == LogBuilder::kMostFigures);
  // A line without an end, and one that only begins like a known one.
  CHECK_FALSE(read(std::string(1 << 20, 'n') + " n_ctx = 1").engine.has_value());
}
