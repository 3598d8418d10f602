// How a model's quantization is called: from what the file states and from what each tensor is.
#include "src/quantize/quantization_name.h"

#include <algorithm>
#include <functional>
#include <set>

#include "src/model/packing/schemes.h"
#include "src/quantize/quantize_types.h"
#include "tests/catch.h"
#include "tests/model/builder.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

struct Shape {
  std::uint64_t layers = 16, width = 256, vocabulary = 512, experts = 0;
  bool fused = false;  // queries, keys and values in one
  bool head = true;
};

std::vector<TensorSpec> decoder(const Shape& shape) {
  std::vector<TensorSpec> tensors{{"token_embd.weight", Dtype::F16, {shape.vocabulary, shape.width}}};
  const auto add = [&](const std::string& name, std::uint64_t rows = 256) {
    tensors.push_back({name, Dtype::F16, {rows, shape.width}});
  };
  for (std::uint64_t i = 0; i < shape.layers; ++i) {
    const std::string block = "blk." + std::to_string(i) + ".";
    tensors.push_back({block + "attn_norm.weight", Dtype::F32, {shape.width}});
    if (shape.fused) {
      add(block + "attn_qkv.weight");
    } else {
      for (const char* name : {"attn_q", "attn_k", "attn_v"}) add(block + name + ".weight");
    }
    add(block + "attn_output.weight");
    for (const char* name : {"ffn_gate", "ffn_up", "ffn_down"}) {
      if (shape.experts == 0) {
        add(block + name + ".weight");
      } else {
        tensors.push_back({block + name + "_exps.weight", Dtype::F16, {shape.experts, 256, shape.width}});
      }
    }
  }
  if (shape.head) add("output.weight", shape.vocabulary);
  return tensors;
}

std::vector<KeySpec> keys(const Shape& shape, std::optional<std::uint32_t> file_type) {
  std::vector<KeySpec> all{{"general.architecture", {}, "llama"},
                           {"llama.block_count", {static_cast<std::uint32_t>(shape.layers)}},
                           {"llama.attention.head_count", {4}},
                           {"llama.attention.head_count_kv", {2}}};
  if (shape.experts != 0) all.push_back({"llama.expert_count", {static_cast<std::uint32_t>(shape.experts)}});
  if (file_type) all.push_back({"general.file_type", {*file_type}});
  return all;
}

using Edit = std::function<void(std::vector<TensorSpec>&)>;

// A file as the quantizer makes it, changed afterwards.
Model written(const Shape& shape, std::string_view type, std::optional<std::uint32_t> file_type, QuantizerRun run = {},
              const Edit& change = {}) {
  std::vector<TensorSpec> tensors = decoder(shape);
  run.target = find_quantizer_type(type)->ftype;
  const GgufPlan plan = plan_gguf(describe(gguf(tensors, keys(shape, {}))));
  const auto types = predict_types(plan, quantizer_walk(plan), run);
  for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].dtype = types[i];
  if (change) change(tensors);
  return describe(gguf(tensors, keys(shape, file_type)));
}

Edit retype(std::string part, Dtype dtype) {
  return [part = std::move(part), dtype](std::vector<TensorSpec>& tensors) {
    for (TensorSpec& tensor : tensors) {
      if (tensor.name.find(part) != std::string::npos && tensor.shape.size() > 1) tensor.dtype = dtype;
    }
  };
}

std::uint32_t number(std::string_view type) { return static_cast<std::uint32_t>(find_quantizer_type(type)->ftype); }

}  // namespace

TEST_CASE("a GGUF that the quantizer made has the name of its file type") {
  for (const QuantizerType& type : quantizer_types()) {
    CAPTURE(type.name);
    const auto ftype = static_cast<std::uint32_t>(type.ftype);
    for (const Shape& shape : {Shape{}, Shape{.experts = 8}, Shape{.head = false}}) {
      for (const bool imatrix : {false, true}) {
        const Model model = written(shape, type.name, ftype, {.target = type.ftype, .imatrix = imatrix});
        const auto named = named_quantization(model);
        REQUIRE(named);
        CHECK(named->scheme == type.name);
        CHECK(named->name == (type.name == "MXFP4_MOE" ? "MXFP4" : type.name));
        CHECK_FALSE(named->group_size);
        CHECK_FALSE(followed_plan(model)->contradicted());
      }
    }
  }
}

TEST_CASE("without a file type the tensors tell") {
  for (const std::string_view type :
       {"F32", "F16", "BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q5_K_S", "Q4_K_M", "Q4_K_S", "Q4_0", "IQ4_XS", "Q3_K_L",
        "Q3_K_M", "Q3_K_S", "Q2_K", "IQ3_M", "IQ2_XXS", "IQ1_S"}) {
    CAPTURE(type);
    CHECK(quantization_title(written({}, type, {})) == type);
  }
  CHECK(quantization_title(written({.experts = 32}, "MXFP4_MOE", {})) == "MXFP4");
}

TEST_CASE("what a GGUF is called") {
  struct Row {
    std::string_view made, states, name;
    Shape shape = {};
    QuantizerRun run = {};
    Edit change = {};
  };
  const std::vector<Row> rows = {
      // Tensors that somebody chose otherwise.
      {"Q4_K_M", "Q4_K_M", "Q4_K_M, 1 tensor otherwise", {}, {}, retype("blk.3.ffn_up", Dtype::Q6_K)},
      {"Q4_K_M", "Q4_K_M", "Q4_K_M, 16 tensors otherwise", {}, {}, retype("ffn_up", Dtype::IQ4_XS)},
      // Embeddings and head alone, by the quantizer's options.
      {"Q4_K_M",
       "Q4_K_M",
       "Q4_K_L",
       {},
       {},
       [](std::vector<TensorSpec>& tensors) {
         retype("token_embd", Dtype::Q8_0)(tensors);
         retype("output.weight", Dtype::Q8_0)(tensors);
         retype("attn_output", Dtype::Q4_K)(tensors);
       }},
      // A mix of a vendor that keeps little of the plan that it is named after.
      {"Q2_K",
       "Q2_K",
       "Q2_K, 80 tensors otherwise",
       {},
       {},
       [](std::vector<TensorSpec>& tensors) {
         for (const char* part : {"ffn_up", "ffn_gate", "ffn_down", "attn_q", "attn_k"})
           retype(part, Dtype::IQ4_XS)(tensors);
       }},
      // Claims that the tensors contradict.
      {"Q4_K_M", "F16", "says F16, is Q4_K_M"},
      {"F16", "Q4_K_M", "says Q4_K_M, is F16"},
      {"Q4_K_S", "Q4_K_M", "says Q4_K_M, is Q4_K_S"},
      {"Q8_0", "Q6_K", "says Q6_K, is Q8_0"},
      {"BF16", "F16", "says F16, is BF16"},
      {"Q4_K_M", "F16", "says F16, is Q4_K_M, 1 tensor otherwise", {}, {}, retype("blk.3.ffn_up", Dtype::Q6_K)},
      {"F16", "Q4_K_M", "says Q4_K_M, is mostly F16", {}, {}, retype("ffn_up", Dtype::Q8_0)},
      // Nothing stated, and no plan is followed.
      {"Q4_K_M", "", "mostly Q4_K", {}, {}, retype("blk.3.ffn_up", Dtype::Q5_0)},
      // --pure.
      {"Q4_K_M", "Q4_K_M", "Q4_K, pure", {}, {.target = {}, .rules = QuantizerRules::Pure}},
      {"Q4_K_M", "", "Q4_K, pure", {}, {.target = {}, .rules = QuantizerRules::Pure}},
      // Quantizers of former days.
      {"Q4_K_M", "Q4_K_M", "Q4_K_M", {.fused = true}, {.target = {}, .rules = QuantizerRules::Until2026}},
      {"Q5_K_M", "Q5_K_M", "Q5_K_M", {.fused = true}, {.target = {}, .rules = QuantizerRules::Until2026}},
      {"Q4_K_M", "Q4_K_M", "Q4_K_M", {.experts = 8}, {.target = {}, .rules = QuantizerRules::Until2024}},
      {"Q2_K", "Q2_K", "Q2_K", {.width = 96}, {.target = {}, .rules = QuantizerRules::Until2026}},
      // Rows that no large block divides.
      {"Q4_K_M", "Q4_K_M", "Q4_K_M", {.width = 96}},
      {"F16", "Q4_K_M", "says Q4_K_M, is F16", {.width = 96}},
      // What the converter does: experts that come in MXFP4 stay so, and some matrices stay F32.
      {"F16", "F16", "MXFP4, F16 otherwise", {.experts = 32}, {}, retype("_exps", Dtype::MXFP4)},
      {"BF16", "BF16", "BF16", {}, {}, retype("blk.0.ffn_up", Dtype::F32)},
      {"F32", "F16", "says F16, is F32"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.made, row.states, row.name);
    const auto stated = row.states.empty() ? std::nullopt : std::optional(number(row.states));
    const Model model = written(row.shape, row.made, stated, row.run, row.change);
    CHECK(quantization_title(model) == row.name);
    CHECK(followed_plan(model)->contradicted() == row.name.starts_with("says"));
  }
}

TEST_CASE("file types that nobody can hold the tensors against") {
  // 39 is of the converter alone, 137 of another program.
  CHECK(quantization_title(written({}, "Q8_0", 39, {}, retype("weight", Dtype::NVFP4))) == "NVFP4");
  CHECK(quantization_title(written({}, "Q4_K_M", 137)) == "Q4_K_M");
  // llama.cpp's own guess has 1024 added.
  CHECK(quantization_title(written({}, "Q4_K_M", 1024 + 15)) == "Q4_K_M");
}

TEST_CASE("tensors that the plan quantises and that are not") {
  const Model model = written({}, "Q4_K_M", 15, {}, retype("blk.3.attn_q", Dtype::F16));
  const auto found = followed_plan(model);
  REQUIRE(found);
  CHECK_FALSE(found->contradicted());
  CHECK(found->unquantized == 1);
  REQUIRE(found->first_unquantized != nullptr);
  CHECK(found->first_unquantized->tensor->name == "blk.3.attn_q.weight");
  CHECK(found->tensors == 2 + 16 * 7);
}

TEST_CASE("what has no weights has no name") {
  CHECK_FALSE(named_quantization(describe(gguf({{"a.lora_a", Dtype::F32, {8, 8}}}, {{"general.file_type", {1}}}))));
  CHECK(quantization_title(describe(gguf({}, {}))).empty());
}

TEST_CASE("bits of a GGUF's name") {
  struct Row {
    std::string_view type;
    std::uint64_t bits;
  };
  for (const Row& row : {Row{"F16", 16}, Row{"BF16", 16}, Row{"Q8_0", 8}, Row{"Q4_1", 4}, Row{"Q4_K_M", 4},
                         Row{"IQ2_XXS", 2}, Row{"TQ1_0", 1}, Row{"MXFP4_MOE", 4}}) {
    CAPTURE(row.type);
    const Model model = written({.experts = 8}, row.type, number(row.type));
    CHECK(named_quantization(model)->bits == row.bits);
  }
}

TEST_CASE("schemes of safetensors as people say them") {
  struct Row {
    std::string_view scheme;
    std::optional<std::uint64_t> bits;
    std::string_view title;
  };
  for (const Row& row :
       {Row{"awq", 4, "AWQ 4-bit"}, Row{"gptq", 3, "GPTQ 3-bit"}, Row{"gptq", {}, "GPTQ"}, Row{"bnb-nf4", 4, "NF4"},
        Row{"bnb-int8", 8, "int8 (bitsandbytes)"}, Row{"fp8", 8, "FP8"}, Row{"mlx-affine", 4, "MLX 4-bit"},
        Row{"mxfp4", 4, "MXFP4"}, Row{"nvfp4", 4, "NVFP4"}, Row{"Q4_K_M", {}, "Q4_K_M"}, Row{"MXFP4_MOE", {}, "MXFP4"},
        Row{"new-scheme", 4, "new-scheme"}}) {
    CAPTURE(row.scheme);
    CHECK(scheme_title(row.scheme, row.bits) == row.title);
  }
  // Every scheme that a reader finds has a row; of these alone the name is what people say.
  const std::set<std::string_view> said_as_named{"compressed-tensors", "int4", "int8", "torchao"};
  for (const Scheme& scheme : schemes()) {
    CAPTURE(scheme.name);
    if (scheme.name == "gguf") continue;  // no scheme of its own
    CHECK((scheme_title(scheme.name, {}) != scheme.name || said_as_named.contains(scheme.name)));
  }
}

TEST_CASE("what is not quantized is called by its element type") {
  CHECK(quantization_title(hypothetical_model(1000, "BF16", 16)) == "BF16");
  CHECK(dtype_title("F8_E4M3") == "FP8");
  CHECK(dtype_title("F32") == "F32");
}

TEST_CASE("a file of one type that states another is found out, whichever the two are") {
  const auto types_of = [](const Model& model) {
    std::vector<Dtype> types;
    for (const TensorFacts& facts : model.tensors) types.push_back(facts.tensor->dtype);
    return types;
  };
  for (const Shape& shape : {Shape{.layers = 8}, Shape{.layers = 8, .experts = 32}}) {
    for (const QuantizerType& made : quantizer_types()) {
      for (const QuantizerType& stated : quantizer_types()) {
        if (&made == &stated) continue;
        CAPTURE(shape.experts, made.name, stated.name);
        const Model model = written(shape, made.name, static_cast<std::uint32_t>(stated.ftype));
        const auto found = followed_plan(model);
        REQUIRE(found);
        if (found->contradicted()) {
          REQUIRE(found->plan != nullptr);
          CHECK((found->plan == &made || types_of(model) == types_of(written(shape, found->plan->name, {}))));
          CHECK(found->others == 0);
        } else {  // the two come to the same, for this model or by the rules of another day
          CHECK(found->others == 0);
        }
      }
    }
  }
}
