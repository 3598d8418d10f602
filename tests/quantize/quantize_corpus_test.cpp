// Predictions against the real shapes of the corpus beside the project. Hidden from the ordinary run: its own ctest
// entry asks for [.corpus], and exits 77 where there is no corpus.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "src/checkpoint/open_checkpoint.h"
#include "src/quantize/quantization_name.h"
#include "src/quantize/quantize_types.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

namespace fs = std::filesystem;

// The corpus as files: WEIGH_CORPUS names them, else they are made in the working folder (sparse, some 70 MB).
fs::path corpus() {
  if (const char* named = std::getenv("WEIGH_CORPUS")) return named;
  const fs::path script = fs::path(WEIGH_SOURCE) / ".." / "shared" / "corpus" / "materialize.py";
  if (!fs::exists(script)) std::exit(77);
  const fs::path folder = fs::current_path() / "corpus";
  if (!fs::exists(folder)) {
    const std::string command = "python3 '" + script.string() + "' '" + folder.string() + "' > /dev/null";
    REQUIRE(std::system(command.c_str()) == 0);
  }
  return folder;
}

Model open(const std::string& name) {
  const fs::path folder = corpus();
  fs::path path = folder / name;
  if (fs::exists(folder / (name + ".gguf"))) path = folder / (name + ".gguf");
  if (fs::exists(folder / (name + "-00001-of-00005.gguf"))) path = folder / (name + "-00001-of-00005.gguf");
  OpenResult opened = open_checkpoints(path.string());
  REQUIRE(opened.checkpoints.size() == 1);
  return describe(std::move(opened.checkpoints.front()));
}

struct Written {
  Dtype dtype;
  std::uint64_t elements;
};
std::map<std::string, Written> tensors_of(const Model& model) {
  std::map<std::string, Written> tensors;
  for (const ModelFile& file : model.checkpoint.files) {
    for (const Tensor& tensor : file.tensors) {
      tensors.emplace(tensor.name, Written{tensor.dtype, tensor.elements});
    }
  }
  return tensors;
}

// How many of the tensors have the predicted type, the same name and as many elements.
std::uint64_t agreeing(const GgufPlan& plan, Ftype target, const Model& written) {
  const auto tensors = tensors_of(written);
  const std::vector<Dtype> types = predict_types(plan, target);
  std::uint64_t agree = 0;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto found = tensors.find(plan.tensors[i].name);
    if (found == tensors.end()) continue;
    const auto elements = element_count(plan.tensors[i].shape);
    agree += found->second.dtype == types[i] && found->second.elements == elements ? 1U : 0U;
  }
  return agree;
}

bool within_a_thousandth(std::uint64_t value, std::uint64_t expected) {
  return (value > expected ? value - expected : expected - value) <= expected / 1000;
}

}  // namespace

TEST_CASE("a GGUF of the corpus has the name that its file has", "[.corpus]") {
  struct Row {
    std::string file, title;
  };
  for (const Row& row :
       {Row{"Llama-2-7B.F16", "F16"}, Row{"Llama-2-7B.Q4_0", "Q4_0"}, Row{"Llama-2-7B.Q4_K_M", "Q4_K_M"},
        Row{"Llama-2-7B.Q8_0", "Q8_0"}, Row{"Mistral-7B-v0.1.IQ4_XS", "IQ4_XS"}, Row{"Mistral-7B-v0.1.Q2_K", "Q2_K"},
        Row{"Mistral-7B-v0.1.Q3_K_M", "Q3_K_M"}, Row{"Mistral-7B-v0.1.Q5_K_M", "Q5_K_M"},
        Row{"Mistral-7B-v0.1.Q6_K", "Q6_K"}, Row{"Mixtral-8x7B-v0.1.Q8_0-split", "Q8_0"},
        Row{"DeepSeek-V2-Lite.Q4_K_M", "Q4_K_M"}, Row{"Phi-3-mini-4k.Q4_K_M", "Q4_K_M"},
        Row{"falcon-7b.Q4_K_M", "Q4_K_M"}, Row{"gemma-3-4b-it.Q4_K_M", "Q4_K_M"}, Row{"gpt-oss-20b.MXFP4_MOE", "MXFP4"},
        Row{"granite-4.0-h-tiny.Q4_K_M", "Q4_K_M"}, Row{"mamba-2.8b.Q4_K_M", "Q4_K_M"},
        // By the rules of December 2023.
        Row{"Mixtral-8x7B-v0.1-2023.Q4_K_M", "Q4_K_M"},
        // Both state the type of what they were made from.
        Row{"Qwen3.5-9B.Q8_0", "says F16, is Q8_0"}, Row{"Qwen3-4B-Instruct-2507.Q4_K", "says F16, is Q4_K, pure"}}) {
    CAPTURE(row.file);
    CHECK(quantization_title(open(row.file)) == row.title);
  }
}

TEST_CASE("a GGUF of the corpus, predicted from the shapes of a GGUF", "[.corpus]") {
  struct Row {
    std::string source, written, type;
    std::uint64_t differing = 0;
  };
  const std::vector<Row> rows = {
      {"Llama-2-7B.F16", "Llama-2-7B.F16", "F16"},
      {"Llama-2-7B.F16", "Llama-2-7B.Q4_0", "Q4_0"},
      {"Llama-2-7B.F16", "Llama-2-7B.Q4_K_M", "Q4_K_M"},
      {"Llama-2-7B.F16", "Llama-2-7B.Q8_0", "Q8_0"},
      {"Mistral-7B-v0.1.Q6_K", "Mistral-7B-v0.1.IQ4_XS", "IQ4_XS"},
      {"Mistral-7B-v0.1.Q6_K", "Mistral-7B-v0.1.Q2_K", "Q2_K"},
      {"Mistral-7B-v0.1.Q6_K", "Mistral-7B-v0.1.Q3_K_M", "Q3_K_M"},
      {"Mistral-7B-v0.1.Q6_K", "Mistral-7B-v0.1.Q4_K_M", "Q4_K_M"},
      {"Mistral-7B-v0.1.Q6_K", "Mistral-7B-v0.1.Q5_K_M", "Q5_K_M"},
      {"Mistral-7B-v0.1.Q2_K", "Mistral-7B-v0.1.Q6_K", "Q6_K"},
      {"Mixtral-8x7B-v0.1.Q8_0-split", "Mixtral-8x7B-v0.1.Q4_K_M", "Q4_K_M"},
      {"Mixtral-8x7B-v0.1.Q4_K_M", "Mixtral-8x7B-v0.1.Q8_0-split", "Q8_0"},
      {"DeepSeek-V2-Lite.Q4_K_M", "DeepSeek-V2-Lite.Q4_K_M", "Q4_K_M"},
      {"Phi-3-mini-4k.Q4_K_M", "Phi-3-mini-4k.Q4_K_M", "Q4_K_M"},
      {"Qwen2.5-0.5B.Q8_0", "Qwen2.5-0.5B.Q8_0", "Q8_0"},
      {"Qwen2.5-7B-Instruct.Q4_K_M", "Qwen2.5-7B-Instruct.Q4_K_M", "Q4_K_M"},
      {"Qwen3-30B-A3B.Q4_K_M", "Qwen3-30B-A3B.Q4_K_M", "Q4_K_M"},
      {"Qwen3.5-9B.Q8_0", "Qwen3.5-9B.Q8_0", "Q8_0"},
      {"falcon-7b.Q4_K_M", "falcon-7b.Q4_K_M", "Q4_K_M"},
      {"gemma-2-9b-it.Q4_K_M", "gemma-2-9b-it.Q4_K_M", "Q4_K_M"},
      {"gemma-3-4b-it.Q4_K_M", "gemma-3-4b-it.Q4_K_M", "Q4_K_M"},
      {"gpt-oss-20b.MXFP4_MOE", "gpt-oss-20b.MXFP4_MOE", "MXFP4_MOE"},
      {"granite-4.0-h-tiny.Q4_K_M", "granite-4.0-h-tiny.Q4_K_M", "Q4_K_M"},
      {"mamba-2.8b.Q4_K_M", "mamba-2.8b.Q4_K_M", "Q4_K_M"},
      // The rules of December 2023 gave the experts' down parts and the attention's output fewer bits.
      {"Mixtral-8x7B-v0.1-2023.Q4_K_M", "Mixtral-8x7B-v0.1-2023.Q4_K_M", "Q4_K_M", 160},
      // Made with --pure: head and embedding are one tensor, values and down parts have no rule of their own.
      {"Qwen3-4B-Instruct-2507.Q4_K", "Qwen3-4B-Instruct-2507.Q4_K", "Q4_K_M", 37},
  };
  for (const Row& row : rows) {
    CAPTURE(row.source, row.written);
    const Model written = open(row.written);
    const GgufPlan plan = plan_gguf(open(row.source));
    const QuantizerType& type = *find_quantizer_type(row.type);
    CHECK(agreeing(plan, type.ftype, written) == written.tensor_count() - row.differing);
    if (row.differing != 0) continue;
    const QuantizedSize prediction = predict(plan, type);
    CHECK(prediction.tensor_bytes == written.weight_bytes);
    CHECK(prediction.padding_bytes == written.padding_bytes);
    CHECK(within_a_thousandth(prediction.file_bytes, written.file_bytes()));
  }
}

TEST_CASE("a GGUF of the corpus, predicted from the safetensors checkpoint", "[.corpus]") {
  struct Row {
    std::string source, written, type;
  };
  const std::vector<Row> rows = {
      {"llama-2-7b-f16", "Llama-2-7B.F16", "F16"},
      {"llama-2-7b-f16", "Llama-2-7B.Q4_0", "Q4_0"},
      {"llama-2-7b-f16", "Llama-2-7B.Q4_K_M", "Q4_K_M"},
      {"llama-2-7b-f32", "Llama-2-7B.Q4_K_M", "Q4_K_M"},
      {"llama-2-7b-f32", "Llama-2-7B.Q8_0", "Q8_0"},
      {"mistral-7b-f32", "Mistral-7B-v0.1.IQ4_XS", "IQ4_XS"},
      {"mistral-7b-f32", "Mistral-7B-v0.1.Q2_K", "Q2_K"},
      {"mistral-7b-f32", "Mistral-7B-v0.1.Q3_K_M", "Q3_K_M"},
      {"mistral-7b-f32", "Mistral-7B-v0.1.Q4_K_M", "Q4_K_M"},
      {"mistral-7b-f32", "Mistral-7B-v0.1.Q5_K_M", "Q5_K_M"},
      {"mistral-7b-f32", "Mistral-7B-v0.1.Q6_K", "Q6_K"},
      {"mixtral-8x7b-v0.1", "Mixtral-8x7B-v0.1.Q4_K_M", "Q4_K_M"},
      {"mixtral-8x7b-v0.1", "Mixtral-8x7B-v0.1.Q8_0-split", "Q8_0"},
      {"deepseek-v2-lite", "DeepSeek-V2-Lite.Q4_K_M", "Q4_K_M"},
      {"phi-3-mini-bf16", "Phi-3-mini-4k.Q4_K_M", "Q4_K_M"},
      {"gpt-oss-20b-mxfp4", "gpt-oss-20b.MXFP4_MOE", "MXFP4_MOE"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.source, row.written);
    const Model written = open(row.written);
    const GgufPlan plan = plan_gguf(open(row.source));
    const QuantizerType& type = *find_quantizer_type(row.type);
    CHECK(agreeing(plan, type.ftype, written) == written.tensor_count());
    CHECK(plan.tensors.size() == written.tensor_count());
    const QuantizedSize prediction = predict(plan, type);
    CHECK(prediction.tensor_bytes == written.weight_bytes);
    CHECK(within_a_thousandth(prediction.tensor_bytes + prediction.padding_bytes,
                              written.weight_bytes + written.padding_bytes));
  }
}

TEST_CASE("every checkpoint of the corpus has its names in GGUF", "[.corpus]") {
  // Without buffers, quantization overhead and towers, the parameters of checkpoint and plan are the same.
  const std::vector<std::pair<std::string, std::uint64_t>> rows = {
      {"bloom-176b", 176'247'271'424},
      {"codellama-7b-f16-invfreq", 6'738'546'688},
      {"cogito-14b-qwen2-bf16", 14'765'947'904},
      {"devstral-small-2507", 23'572'403'200},
      {"falcon-180b-chat", 179'522'565'120},
      {"granite-3.1-1b-a400m", 1'334'628'352},
      {"llama-2-13b-f16", 13'015'864'320},
      {"llama-3-8b-merge-bf16", 8'030'261'312},  // and 64 of rope_freqs
      {"llama-3.1-8b-bnb-int8", 8'030'261'312},
      {"qwen-72b-f16", 72'287'920'128},
      {"qwen3-14b-mlx-4bit", 14'768'307'200},
      {"qwen3.5-25b-reap-a3b", 25'091'371'648},
      {"reflection-llama-3.1-70b-f32", 70'553'804'800},
      {"wizardlm-2-8x22b", 140'620'634'112},
      {"medgemma-27b-it", 27'009'346'304},
      {"gemma-4-26b-a4b-it-w4a16", 25'233'141'790},
      {"qwen-vl-chat-gptq-4bit", 7'722'291'200},
  };
  for (const auto& [name, parameters] : rows) {
    CAPTURE(name);
    const GgufPlan plan = plan_gguf(open(name));
    std::uint64_t sum = 0;
    for (const PlannedTensor& tensor : plan.tensors) {
      CAPTURE(tensor.name);
      sum += element_count(tensor.shape).value();
      if (!(tensor.name.starts_with("blk.") || tensor.name.find('.') == tensor.name.rfind('.'))) CHECK(false);
    }
    CHECK(sum == parameters);
  }
}
