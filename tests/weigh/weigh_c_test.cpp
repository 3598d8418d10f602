#include "src/weigh/weigh_c.h"

#include <array>
#include <cstring>
#include <string>
#include <thread>

#include "src/weigh/weigh.h"
#include "tests/catch.h"

namespace {

const std::string kMixtral = WEIGH_TESTDATA "/snapshots/Mixtral-8x7B-v0.1.Q4_K_M.weigh.zst";

std::string taken(char* text) {
  std::string copy = text == nullptr ? "" : text;
  weigh_free(text);
  return copy;
}

struct Opened {
  explicit Opened(const std::string& path) { REQUIRE(weigh_open(path.c_str(), &model) == WEIGH_OK); }
  ~Opened() { weigh_close(model); }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  weigh_model* model = nullptr;
};

}  // namespace

TEST_CASE("the C interface has the figures of a model") {
  const Opened opened(kMixtral);
  std::uint64_t active = 0;
  CHECK(std::string(weigh_name(opened.model)) == "Mixtral-8x7B-v0.1.Q4_K_M.gguf");
  CHECK(std::string(weigh_format(opened.model)) == "gguf");
  CHECK(weigh_parameters(opened.model) == 46'702'792'704);
  CHECK(weigh_active_parameters(opened.model, &active) == 1);
  CHECK(weigh::parameters_text(active) == "12.88 B");
  CHECK(weigh_bytes(opened.model) == weigh::open(kMixtral).info().weights.bytes);
  CHECK(weigh_file_bytes(opened.model) > weigh_bytes(opened.model));
}

TEST_CASE("the C interface writes the documents of the C++ one") {
  const Opened opened(kMixtral);
  const std::array<const char*, 6> options{"on=rtx-4090",  "on=8GiB",       "context=32768",
                                           "kv-type=q8_0", "detail=advice", nullptr};
  weigh::RunOptions run;
  run.context = 32768;
  run.kv_type = "q8_0";
  run.detail = weigh::Detail::Advice;
  const std::vector<std::string> devices{"rtx-4090", "8GiB"};
  char* json = nullptr;
  CHECK(weigh_json(opened.model, options.data(), &json) == WEIGH_OK);
  CHECK(taken(json) == weigh::open(kMixtral).json(devices, run));
  CHECK(weigh_json(opened.model, nullptr, &json) == WEIGH_OK);
  CHECK(taken(json) == weigh::open(kMixtral).json());
  CHECK(weigh_inspect_json(kMixtral.c_str(), options.data(), &json) == WEIGH_OK);
  CHECK(taken(json) == weigh::inspect_json({kMixtral}, devices, run));
  CHECK(weigh_tensors_json(opened.model, &json) == WEIGH_OK);
  CHECK(taken(json) == weigh::open(kMixtral).tensors_json());
  const char* folder = WEIGH_TESTDATA "/safetensors/good";
  CHECK(weigh_scan_json(folder, nullptr, &json) == WEIGH_OK);
  CHECK(taken(json) == weigh::scan_json({folder}));
  CHECK(weigh_audit_json(folder, nullptr, &json) == WEIGH_OK);
  CHECK(taken(json) == weigh::audit_json({folder}));
  CHECK(weigh_devices_json("rtx", &json) == WEIGH_OK);
  CHECK(taken(json) == weigh::Catalogue().json("rtx"));
}

TEST_CASE("every option of the C interface is the one of its name") {
  const Opened opened(kMixtral);
  struct Row {
    std::array<const char*, 3> options;
    void (*set)(weigh::RunOptions&);
  };
  const std::vector<Row> rows{
      {{"context=max"}, [](weigh::RunOptions& o) { o.context = weigh::kModelContext; }},
      {{"engine=llama.cpp"}, [](weigh::RunOptions& o) { o.engine = weigh::Engine::LlamaCpp; }},
      {{"parallel=3"}, [](weigh::RunOptions& o) { o.parallel = 3; }},
      {{"parallel=3", "kv-unified=on"},
       [](weigh::RunOptions& o) {
         o.parallel = 3;
         o.unified_cache = true;
       }},
      {{"batch=256"}, [](weigh::RunOptions& o) { o.batch = 256; }},
      {{"ubatch=2048"}, [](weigh::RunOptions& o) { o.micro_batch = 2048; }},
      {{"flash-attention=off"}, [](weigh::RunOptions& o) { o.flash_attention = false; }},
      {{"swa-full=on"}, [](weigh::RunOptions& o) { o.full_window_cache = true; }},
      {{"gpu-layers=7"}, [](weigh::RunOptions& o) { o.gpu_layers = 7; }},
      {{"n-cpu-moe=5"}, [](weigh::RunOptions& o) { o.cpu_moe_layers = 5; }},
      {{"n-cpu-ffn=5"}, [](weigh::RunOptions& o) { o.cpu_ffn_layers = 5; }},
      {{"as=Q8_0"}, [](weigh::RunOptions& o) { o.as_type = "Q8_0"; }},
      {{"together=on"}, [](weigh::RunOptions& o) { o.together = true; }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.options[0]);
    std::vector<const char*> options{"on=rtx-4090"};
    for (const char* option : row.options) options.push_back(option);
    options.push_back(nullptr);
    weigh::RunOptions run;
    row.set(run);
    char* json = nullptr;
    CHECK(weigh_json(opened.model, options.data(), &json) == WEIGH_OK);
    CHECK(taken(json) == weigh::open(kMixtral).json({"rtx-4090"}, run));
  }
}

TEST_CASE("the options of training are those of their names") {
  const std::string path = WEIGH_TESTDATA "/snapshots/Llama-2-7B-f16.weigh.zst";
  const Opened opened(path);
  const std::array<const char*, 9> options{"on=2x rtx-4090", "train=lora", "optimizer=sgd", "checkpointing=full",
                                           "shard=zero3",    "rank=4",     "seq=777",       "batch=3",
                                           nullptr};
  weigh::RunOptions run;
  run.train = "lora";
  run.optimizer = "sgd";
  run.checkpointing = "full";
  run.shard = "zero3";
  run.lora_rank = 4;
  run.train_tokens = 777;
  run.train_sequences = 3;
  char* json = nullptr;
  CHECK(weigh_json(opened.model, options.data(), &json) == WEIGH_OK);
  const std::string document = taken(json);
  CHECK(document == weigh::open(path).json({"2x rtx-4090"}, run));
  CHECK(document.find("\"sequences\": 3") != std::string::npos);
}

TEST_CASE("a verdict comes without JSON") {
  const Opened opened(kMixtral);
  const std::array<const char*, 2> options{"on=24GiB", nullptr};
  weigh_fit fit{};
  fit.size = sizeof fit;
  REQUIRE(weigh_fit_on(opened.model, options.data(), &fit) == WEIGH_OK);
  const weigh::Fit expected = weigh::open(kMixtral).fit({"24GiB"}).front();
  CHECK(std::string(weigh_verdict_name(fit.verdict)) == weigh::name_of(expected.verdict));
  CHECK(fit.need_bytes == expected.need.total);
  CHECK(fit.budget_bytes == expected.budget_bytes);
  CHECK(fit.limit_bytes == expected.limit_bytes);
  CHECK(fit.memory_bytes == expected.memory_bytes);
  CHECK(std::string(weigh_verdict_name(77)).empty());
}

TEST_CASE("a structure of another version is filled as far as both know it") {
  const Opened opened(kMixtral);
  const std::array<const char*, 2> options{"on=24GiB", nullptr};
  struct Larger {
    weigh_fit fit;
    std::uint64_t newer;
  } larger{};
  larger.fit.size = sizeof larger;
  larger.newer = 7;
  CHECK(weigh_fit_on(opened.model, options.data(), &larger.fit) == WEIGH_OK);
  CHECK(larger.fit.size == sizeof(weigh_fit));
  CHECK(larger.newer == 7);
  weigh_fit smaller{};
  smaller.size = offsetof(weigh_fit, budget_bytes);
  CHECK(weigh_fit_on(opened.model, options.data(), &smaller) == WEIGH_OK);
  CHECK(smaller.need_bytes > 0);
  CHECK(smaller.budget_bytes == 0);
  smaller.size = 0;
  CHECK(weigh_fit_on(opened.model, options.data(), &smaller) == WEIGH_ERROR_USAGE);
}

TEST_CASE("errors are numbers and a line") {
  weigh_model* model = nullptr;
  std::uint64_t offset = 0;
  CHECK(weigh_open(WEIGH_TESTDATA "/gguf/bad/cut-array.gguf", &model) == WEIGH_ERROR_INPUT);
  CHECK(model == nullptr);
  CHECK(std::strstr(weigh_last_error(), "cut-array.gguf: byte 0x") != nullptr);
  CHECK(weigh_last_error_offset(&offset) == 1);
  CHECK(offset > 0);
  CHECK(weigh_open("/no/such/file", &model) == WEIGH_ERROR_INPUT);
  CHECK(weigh_last_error_offset(&offset) == 0);
  CHECK(weigh_open(nullptr, &model) == WEIGH_ERROR_USAGE);
  CHECK(weigh_open(kMixtral.c_str(), nullptr) == WEIGH_ERROR_USAGE);
  char* json = nullptr;
  CHECK(weigh_json(nullptr, nullptr, &json) == WEIGH_ERROR_USAGE);
  CHECK(weigh_devices_json(nullptr, nullptr) == WEIGH_ERROR_USAGE);
  weigh_close(nullptr);
  weigh_free(nullptr);
  CHECK(std::string(weigh_name(nullptr)).empty());
  CHECK(weigh_parameters(nullptr) == 0);
}

TEST_CASE("an option that is none is wrong usage") {
  const Opened opened(kMixtral);
  for (const char* option : {"on", "size=3", "context=-1", "context=4k", "context=", "parallel=0", "together=yes",
                             "engine=llama", "detail=all", "on=rtx-9999999", "threads=99999999999", "=1"}) {
    CAPTURE(option);
    const std::array<const char*, 2> options{option, nullptr};
    char* json = nullptr;
    CHECK(weigh_json(opened.model, options.data(), &json) == WEIGH_ERROR_USAGE);
    CHECK(json == nullptr);
    CHECK(std::strlen(weigh_last_error()) > 0);
  }
  const std::array<const char*, 3> two{"on=8GiB", "on=24GiB", nullptr};
  weigh_fit fit{};
  fit.size = sizeof fit;
  CHECK(weigh_fit_on(opened.model, two.data(), &fit) == WEIGH_ERROR_USAGE);
  CHECK(weigh_fit_on(opened.model, nullptr, &fit) == WEIGH_ERROR_USAGE);
}

TEST_CASE("each thread has its own last error") {
  weigh_model* model = nullptr;
  CHECK(weigh_open("/no/such/file", &model) == WEIGH_ERROR_INPUT);
  const std::string mine = weigh_last_error();
  std::string others = "?";
  std::thread([&] { others = weigh_last_error(); }).join();
  CHECK(others.empty());
  CHECK(weigh_last_error() == mine);
}

TEST_CASE("figures as text are cut like those of snprintf") {
  std::array<char, 32> text{};
  CHECK(weigh_parameters_text(46'702'792'704, text.data(), text.size()) == 7);
  CHECK(std::string(text.data()) == "46.70 B");
  CHECK(weigh_bytes_text(28'447'727'616, text.data(), 6) == 9);
  CHECK(std::string(text.data()) == "26.49");
  CHECK(weigh_bytes_text(512, nullptr, 0) == 9);
  CHECK(weigh_bytes_text(UINT64_MAX, text.data(), text.size()) < text.size());
  CHECK(weigh_api_version() == WEIGH_C_API_VERSION);
  CHECK(std::string(weigh_version()) == weigh::version());
}
