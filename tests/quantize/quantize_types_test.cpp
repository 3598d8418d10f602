#include "src/quantize/quantize_types.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "formats/error.h"
#include "tests/catch.h"
#include "tests/model/builder.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

using Shape = std::vector<std::uint64_t>;

// A decoder of the common kind. Shapes outermost first, as everywhere here.
struct Decoder {
  std::string architecture = "llama";
  std::uint64_t layers = 32, width = 4096, kv_width = 1024, ffn = 14336, vocabulary = 128256;
  std::uint64_t heads = 32, kv_heads = 8, experts = 0;
  bool head = true;
};

void add(GgufPlan& plan, std::string name, Shape shape) {
  const Dtype dtype = shape.size() < 2 ? Dtype::F32 : Dtype::F16;
  plan.tensors.push_back({std::move(name), dtype, std::move(shape)});
}

GgufPlan decoder(const Decoder& d) {
  GgufPlan plan;
  plan.architecture = d.architecture;
  plan.layers = d.layers;
  plan.heads = d.heads;
  plan.kv_heads = d.kv_heads;
  plan.experts = d.experts;
  add(plan, "token_embd.weight", {d.vocabulary, d.width});
  for (std::uint64_t i = 0; i < d.layers; ++i) {
    const std::string block = "blk." + std::to_string(i) + ".";
    add(plan, block + "attn_norm.weight", {d.width});
    add(plan, block + "attn_q.weight", {d.width, d.width});
    add(plan, block + "attn_k.weight", {d.kv_width, d.width});
    add(plan, block + "attn_v.weight", {d.kv_width, d.width});
    add(plan, block + "attn_output.weight", {d.width, d.width});
    add(plan, block + "ffn_norm.weight", {d.width});
    const std::string ends = d.experts == 0 ? ".weight" : "_exps.weight";
    const auto stack = [&](std::uint64_t out, std::uint64_t in) {
      return d.experts == 0 ? Shape{out, in} : Shape{d.experts, out, in};
    };
    if (d.experts != 0) add(plan, block + "ffn_gate_inp.weight", {d.experts, d.width});
    add(plan, block + "ffn_gate" + ends, stack(d.ffn, d.width));
    add(plan, block + "ffn_up" + ends, stack(d.ffn, d.width));
    add(plan, block + "ffn_down" + ends, stack(d.width, d.ffn));
  }
  add(plan, "output_norm.weight", {d.width});
  if (d.head) add(plan, "output.weight", {d.vocabulary, d.width});
  return plan;
}

const QuantizerType& type(std::string_view name) {
  const QuantizerType* found = find_quantizer_type(name);
  REQUIRE(found != nullptr);
  return *found;
}

Dtype type_of(const GgufPlan& plan, std::string_view target, std::string_view tensor, bool imatrix = false) {
  const auto types = predict_types(plan, type(target).ftype, imatrix);
  const auto found = std::ranges::find(plan.tensors, tensor, &PlannedTensor::name);
  REQUIRE(found != plan.tensors.end());
  return types[static_cast<std::size_t>(found - plan.tensors.begin())];
}

// The blocks whose tensor of that name has the type.
std::set<std::uint64_t> blocks_with(const GgufPlan& plan, std::string_view target, const std::string& part, Dtype dtype,
                                    bool imatrix = false) {
  const auto types = predict_types(plan, type(target).ftype, imatrix);
  std::set<std::uint64_t> blocks;
  for (std::uint64_t i = 0; i < plan.layers; ++i) {
    const auto found =
        std::ranges::find(plan.tensors, "blk." + std::to_string(i) + "." + part + ".weight", &PlannedTensor::name);
    if (found == plan.tensors.end()) continue;
    if (types[static_cast<std::size_t>(found - plan.tensors.begin())] == dtype) blocks.insert(i);
  }
  return blocks;
}

std::set<std::uint64_t> first(std::uint64_t count) {
  std::set<std::uint64_t> blocks;
  for (std::uint64_t i = 0; i < count; ++i) blocks.insert(i);
  return blocks;
}

// Blocks of a model of 32 that get more bits: the first and last four, every third between.
const std::set<std::uint64_t> kMore32 = {0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31};

}  // namespace

TEST_CASE("the table of file types") {
  std::set<std::string_view> names;
  std::set<Ftype> ids;
  for (const QuantizerType& row : quantizer_types()) {
    CAPTURE(row.name);
    CHECK(names.insert(row.name).second);
    CHECK(ids.insert(row.ftype).second);
    if (!row.alias.empty()) CHECK(names.insert(row.alias).second);
    CHECK(info(row.default_dtype).status == DtypeStatus::Current);
    CHECK(info(row.default_dtype).block_elements != 0);
  }
  CHECK(names.size() == 38);
  CHECK(type("q4_k").name == "Q4_K_M");
  CHECK(type("Q5_K").name == "Q5_K_M");
  CHECK(type("q3_k").name == "Q3_K_M");
  CHECK(find_quantizer_type("Q4_2") == nullptr);
  CHECK(find_quantizer_type("NVFP4") == nullptr);
  CHECK(find_quantizer_type("") == nullptr);
}

TEST_CASE("which tensors keep their type") {
  struct Row {
    std::string name;
    Shape shape;
    bool quantized;
  };
  const std::vector<Row> rows = {
      {"blk.0.attn_q.weight", {256, 256}, true},
      {"blk.0.attn_q.bias", {256, 256}, false},
      {"blk.0.attn_norm.weight", {256}, false},
      {"blk.0.attn_norm.weight", {256, 256}, false},
      {"blk.0.ffn_gate_inp.weight", {256, 256}, false},
      {"blk.0.ffn_gate_inp_shexp.weight", {1, 256}, false},  // one dimension, once the outer 1 is gone
      {"blk.0.ffn_gate_inp_shexp.weight", {2, 256}, true},
      {"blk.0.ssm_conv1d.weight", {256, 256}, false},
      {"blk.0.ssm_a", {256, 256}, false},
      {"blk.0.ssm_in.weight", {256, 256}, true},
      {"blk.0.attn_gate.weight", {256, 256}, true},
      {"blk.0.laurel_l.weight", {256, 256}, false},
      {"blk.0.indexer.attn_k.weight", {256, 256}, true},
      {"blk.0.indexer.k_proj.weight", {256, 256}, false},
      {"blk.0.time_mix_w1.weight", {256, 256}, false},
      {"blk.0.time_mix_key.weight", {256, 256}, true},
      {"per_layer_model_proj.weight", {256, 256}, false},
      {"position_embd.weight", {256, 256}, false},
      {"token_types.weight", {256, 256}, false},
      {"v.patch_embd.weight", {256, 256}, false},
      {"nextn.eh_proj.weight", {256, 256}, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name, row.shape.size());
    GgufPlan plan;
    plan.tensors.push_back({row.name, Dtype::BF16, row.shape});
    const Dtype dtype = predict_types(plan, Ftype::Q5_K_S).front();
    CHECK(dtype == (row.quantized ? Dtype::Q5_K : Dtype::BF16));
    CHECK(predict_types(plan, Ftype::F16).front() == (row.quantized ? Dtype::F16 : Dtype::BF16));
  }
}

TEST_CASE("head and embeddings") {
  const GgufPlan apart = decoder({.layers = 1});
  const GgufPlan tied = decoder({.layers = 1, .head = false});
  const GgufPlan narrow = decoder({.layers = 1, .width = 4096 + 32});
  const GgufPlan falcon = decoder({.architecture = "falcon", .layers = 1});
  struct Row {
    std::string_view target;
    Dtype head, embedding, tied, narrow, falcon;
  };
  const std::vector<Row> rows = {
      {"Q4_0", Dtype::Q6_K, Dtype::Q4_0, Dtype::Q6_K, Dtype::Q8_0, Dtype::Q8_0},
      {"Q8_0", Dtype::Q8_0, Dtype::Q8_0, Dtype::Q8_0, Dtype::Q8_0, Dtype::Q8_0},
      {"Q4_K_M", Dtype::Q6_K, Dtype::Q4_K, Dtype::Q6_K, Dtype::Q8_0, Dtype::Q8_0},
      {"IQ3_XXS", Dtype::Q5_K, Dtype::IQ3_S, Dtype::Q5_K, Dtype::Q8_0, Dtype::Q8_0},
      {"IQ2_S", Dtype::Q5_K, Dtype::IQ3_S, Dtype::Q5_K, Dtype::Q8_0, Dtype::Q8_0},
      {"IQ1_S", Dtype::Q5_K, Dtype::Q2_K, Dtype::Q5_K, Dtype::Q8_0, Dtype::Q8_0},
      {"TQ1_0", Dtype::Q6_K, Dtype::Q4_K, Dtype::Q6_K, Dtype::Q8_0, Dtype::Q8_0},
      {"MXFP4_MOE", Dtype::Q8_0, Dtype::Q8_0, Dtype::Q8_0, Dtype::Q8_0, Dtype::Q8_0},
      {"F16", Dtype::F16, Dtype::F16, Dtype::F16, Dtype::F16, Dtype::F16},
  };
  for (const Row& row : rows) {
    CAPTURE(row.target);
    CHECK(type_of(apart, row.target, "output.weight") == row.head);
    CHECK(type_of(apart, row.target, "token_embd.weight") == row.embedding);
    CHECK(type_of(tied, row.target, "token_embd.weight") == row.tied);
    // Rows of 4128 are whole blocks of 32, not of 256.
    CHECK(type_of(narrow, row.target, "output.weight") == row.narrow);
    CHECK(type_of(falcon, row.target, "output.weight") == row.falcon);
  }
}

TEST_CASE("a dense model, tensor by tensor") {
  const GgufPlan plan = decoder({});
  struct Row {
    std::string_view target;
    std::string part;
    Dtype dtype;
    std::set<std::uint64_t> blocks;
  };
  const std::set<std::uint64_t> all = first(32);
  std::set<std::uint64_t> middle = first(28);
  for (const std::uint64_t i : first(4)) middle.erase(i);
  const std::vector<Row> rows = {
      {"Q4_K_M", "attn_v", Dtype::Q6_K, kMore32},
      {"Q4_K_M", "ffn_down", Dtype::Q6_K, kMore32},
      {"Q4_K_M", "attn_q", Dtype::Q4_K, all},
      {"Q4_K_M", "attn_output", Dtype::Q4_K, all},
      {"Q5_K_M", "ffn_down", Dtype::Q6_K, kMore32},
      {"Q4_K_S", "attn_v", Dtype::Q5_K, first(4)},
      {"Q4_K_S", "ffn_down", Dtype::Q5_K, first(4)},
      {"Q3_K_M", "attn_v", Dtype::Q5_K, first(2)},
      {"Q3_K_M", "ffn_down", Dtype::Q5_K, first(2)},
      {"Q3_K_M", "attn_output", Dtype::Q4_K, all},
      {"Q3_K_L", "attn_v", Dtype::Q5_K, all},
      {"Q3_K_S", "attn_v", Dtype::Q3_K, all},
      {"Q2_K", "attn_v", Dtype::Q4_K, all},
      {"Q2_K", "ffn_down", Dtype::Q3_K, all},
      {"Q2_K_S", "ffn_down", Dtype::Q4_K, first(4)},
      {"Q6_K", "attn_v", Dtype::Q6_K, all},
      {"Q4_0", "ffn_down", Dtype::Q4_0, all},
      {"IQ4_XS", "attn_v", Dtype::Q5_K, all},
      {"IQ4_XS", "ffn_down", Dtype::Q5_K, first(4)},
      {"IQ3_M", "attn_v", Dtype::Q4_K, all},
      {"IQ3_M", "ffn_down", Dtype::Q4_K, first(4)},
      {"IQ3_XS", "ffn_up", Dtype::IQ3_XXS, middle},
      {"IQ3_XS", "ffn_gate", Dtype::IQ3_S, {0, 1, 2, 3, 28, 29, 30, 31}},
      {"IQ3_XS", "attn_k", Dtype::IQ3_XXS, all},
      {"IQ3_XXS", "attn_q", Dtype::IQ2_S, all},
      {"IQ3_XXS", "attn_output", Dtype::IQ3_S, all},
      {"IQ3_XXS", "ffn_down", Dtype::Q4_K, first(4)},
      {"IQ2_M", "attn_v", Dtype::Q4_K, all},
      {"IQ2_M", "ffn_down", Dtype::IQ3_S, first(4)},
      {"IQ2_XXS", "ffn_down", Dtype::Q2_K, first(4)},
      {"IQ1_M", "attn_output", Dtype::IQ2_XXS, all},
      {"MXFP4_MOE", "ffn_down", Dtype::Q8_0, all},
  };
  for (const Row& row : rows) {
    CAPTURE(row.target, row.part);
    CHECK(blocks_with(plan, row.target, row.part, row.dtype) == row.blocks);
  }
  SECTION("fewer than four queries per KV head") {
    const GgufPlan alone = decoder({.kv_width = 4096, .kv_heads = 32});
    CHECK(blocks_with(alone, "Q2_K", "attn_v", Dtype::Q3_K) == all);
    CHECK(blocks_with(alone, "IQ4_XS", "attn_v", Dtype::IQ4_XS) == all);
    CHECK(blocks_with(alone, "IQ2_M", "attn_v", Dtype::IQ3_S) == all);
    CHECK(blocks_with(alone, "IQ3_XXS", "attn_v", Dtype::IQ3_S) == all);
    CHECK(blocks_with(alone, "IQ3_XXS", "attn_v", Dtype::IQ3_XXS, true) == all);
  }
  SECTION("with an importance matrix") {
    CHECK(blocks_with(plan, "IQ4_XS", "ffn_down", Dtype::IQ4_XS, true) == all);
    CHECK(blocks_with(plan, "IQ3_XXS", "ffn_down", Dtype::IQ3_XXS, true) == all);
    CHECK(blocks_with(plan, "Q4_0", "ffn_down", Dtype::Q4_1, true) == first(4));
    CHECK(blocks_with(plan, "Q5_0", "ffn_down", Dtype::Q5_1, true) == first(4));
  }
  SECTION("the order of the tensors in the file does not matter") {
    GgufPlan turned = plan;
    std::ranges::reverse(turned.tensors);
    CHECK(blocks_with(turned, "Q4_K_M", "attn_v", Dtype::Q6_K) == kMore32);
  }
}

TEST_CASE("eight experts") {
  const GgufPlan plan = decoder({.vocabulary = 32000, .experts = 8});
  const auto all = first(32);
  CHECK(blocks_with(plan, "Q4_K_M", "attn_k", Dtype::Q8_0) == all);
  CHECK(blocks_with(plan, "Q4_K_M", "attn_v", Dtype::Q8_0) == all);
  CHECK(blocks_with(plan, "Q4_K_M", "attn_output", Dtype::Q5_K) == all);
  CHECK(blocks_with(plan, "Q4_K_M", "ffn_down_exps", Dtype::Q6_K) == kMore32);
  CHECK(blocks_with(plan, "Q3_K_L", "attn_output", Dtype::Q3_K) == all);
  CHECK(blocks_with(plan, "IQ3_M", "ffn_down_exps", Dtype::Q4_K) == kMore32);
  CHECK(blocks_with(plan, "IQ2_XS", "attn_k", Dtype::Q4_K) == all);
  CHECK(blocks_with(plan, "IQ2_XS", "attn_output", Dtype::Q5_K) == all);
  CHECK(blocks_with(plan, "Q4_K_M", "ffn_gate_inp", Dtype::F16) == all);
  CHECK(blocks_with(plan, "MXFP4_MOE", "ffn_up_exps", Dtype::MXFP4) == all);
  CHECK(blocks_with(plan, "MXFP4_MOE", "attn_q", Dtype::Q8_0) == all);
}

TEST_CASE("a model with experts counts its layers by name, a dense one by what came") {
  // Two tensors lead down in each layer: by counting, the second half of the model would be past its end.
  GgufPlan plan = decoder({.layers = 8, .experts = 16});
  for (std::uint64_t i = 0; i < 8; ++i) add(plan, "blk." + std::to_string(i) + ".ffn_down_shexp.weight", {4096, 512});
  CHECK(blocks_with(plan, "Q4_K_M", "ffn_down_exps", Dtype::Q6_K) == std::set<std::uint64_t>{0, 3, 6, 7});
  CHECK(blocks_with(plan, "Q4_K_M", "ffn_down_shexp", Dtype::Q6_K) == std::set<std::uint64_t>{0, 3, 6, 7});
  plan.experts = 0;
  // exps before shexp: layer i has the numbers 2 i and 2 i + 1, and more than 8 of them are past 7 / 8.
  CHECK(blocks_with(plan, "Q4_K_M", "ffn_down_exps", Dtype::Q6_K) == std::set<std::uint64_t>{0, 3, 4, 5, 6, 7});
}

TEST_CASE("falcon") {
  GgufPlan plan = decoder({.architecture = "falcon", .kv_heads = 32});
  CHECK(blocks_with(plan, "Q4_K_M", "ffn_down", Dtype::Q6_K) == first(2));
  std::set<std::uint64_t> rest = kMore32;
  rest.erase(0);
  rest.erase(1);
  CHECK(blocks_with(plan, "Q4_K_M", "ffn_down", Dtype::Q5_K) == rest);
  CHECK(blocks_with(plan, "Q3_K_M", "ffn_down", Dtype::Q5_K) == first(2));
  CHECK(blocks_with(plan, "Q3_K_M", "ffn_down", Dtype::Q4_K) == rest);
  CHECK(blocks_with(plan, "Q3_K_L", "ffn_down", Dtype::Q4_K) == first(32));
  CHECK(blocks_with(plan, "Q3_K_L", "attn_output", Dtype::Q4_K) == first(32));
  CHECK(blocks_with(plan, "Q2_K", "attn_output", Dtype::Q2_K) == first(32));
  CHECK(blocks_with(plan, "Q4_K_S", "ffn_down", Dtype::Q4_K) == first(32));
}

TEST_CASE("a model of seventy billion gives its values more bits") {
  const Decoder seventy{.layers = 80, .width = 8192, .ffn = 28672, .heads = 64};
  const auto all = first(80);
  CHECK(blocks_with(decoder(seventy), "Q2_K", "attn_v", Dtype::Q5_K) == all);
  CHECK(blocks_with(decoder(seventy), "Q3_K_S", "attn_v", Dtype::Q5_K) == all);
  CHECK(blocks_with(decoder(seventy), "Q3_K_M", "ffn_down", Dtype::Q5_K) == first(5));
  for (const char* architecture : {"qwen2", "deci", "olmo"}) {
    Decoder other = seventy;
    other.architecture = architecture;
    CHECK(blocks_with(decoder(other), "Q3_K_S", "attn_v", Dtype::Q5_K) == all);
  }
  Decoder other = seventy;
  other.architecture = "qwen3";
  CHECK(blocks_with(decoder(other), "Q3_K_S", "attn_v", Dtype::Q3_K) == all);
  other = seventy;
  other.kv_heads = 64;
  CHECK(blocks_with(decoder(other), "Q3_K_S", "attn_v", Dtype::Q3_K) == all);
  GgufPlan plan = decoder({.architecture = "jais2", .layers = 68});
  CHECK(blocks_with(plan, "Q3_K_S", "attn_v", Dtype::Q5_K) == first(68));
  plan.nextn = 1;  // one of them is not the model's own
  CHECK(blocks_with(plan, "Q3_K_S", "attn_v", Dtype::Q3_K) == first(68));
}

TEST_CASE("rows that are no whole number of blocks") {
  struct Row {
    std::string_view target;
    std::uint64_t columns;
    Dtype dtype;
  };
  const std::vector<Row> rows = {
      {"Q2_K", 96, Dtype::Q4_0},    {"Q3_K_S", 96, Dtype::Q4_0},    {"Q4_K_S", 96, Dtype::Q5_0},
      {"Q5_K_S", 96, Dtype::Q5_1},  {"Q6_K", 96, Dtype::Q8_0},      {"IQ4_XS", 96, Dtype::IQ4_NL},
      {"IQ1_S", 96, Dtype::IQ4_NL}, {"IQ2_XXS", 96, Dtype::IQ4_NL}, {"IQ3_S", 96, Dtype::IQ4_NL},
      {"TQ1_0", 96, Dtype::Q4_0},   {"TQ2_0", 96, Dtype::Q4_0},     {"Q2_0", 96, Dtype::Q4_0},
      {"Q4_K_S", 100, Dtype::F16},  {"Q6_K", 100, Dtype::F16},      {"Q4_K_S", 512, Dtype::Q4_K},
      {"Q2_0", 64, Dtype::Q2_0},    {"Q8_0", 100, Dtype::Q8_0},     {"MXFP4_MOE", 100, Dtype::Q8_0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.target, row.columns);
    GgufPlan plan;
    plan.tensors.push_back({"blk.0.attn_gate.weight", Dtype::F16, {32, row.columns}});
    CHECK(predict_types(plan, type(row.target).ftype).front() == row.dtype);
  }
}

TEST_CASE("the worked examples of the rules, to the byte") {
  struct Row {
    std::string_view name;
    GgufPlan plan;
    std::string_view target;
    std::uint64_t bytes;
  };
  GgufPlan llama = decoder({});
  add(llama, "rope_freqs.weight", {64});
  GgufPlan qwen = decoder({.architecture = "qwen2",
                           .layers = 24,
                           .width = 896,
                           .kv_width = 128,
                           .ffn = 4864,
                           .vocabulary = 151936,
                           .heads = 14,
                           .kv_heads = 2});
  for (std::uint64_t i = 0; i < 24; ++i) {
    const std::string block = "blk." + std::to_string(i) + ".";
    add(qwen, block + "attn_q.bias", {896});
    add(qwen, block + "attn_k.bias", {128});
    add(qwen, block + "attn_v.bias", {128});
  }
  const std::vector<Row> rows = {{"Llama 3.1 8B", llama, "Q4_K_M", 4'912'898'304},
                                 {"Qwen2.5 0.5B, head stored", qwen, "Q4_K_M", 485'452'288}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const QuantizedSize prediction = predict(row.plan, type(row.target));
    CHECK(prediction.tensor_bytes + prediction.padding_bytes == row.bytes);
    CHECK_FALSE(prediction.refusal);
    std::uint64_t bytes = 0, tensors = 0;
    for (const DtypeTotals& totals : prediction.by_dtype) {
      bytes += totals.bytes;
      tensors += totals.tensors;
    }
    CHECK(bytes == prediction.tensor_bytes);
    CHECK(tensors == row.plan.tensors.size());
  }
}

TEST_CASE("a file is its header, its tensors and the padding between them") {
  // Keys of 40 bytes; each tensor's entry 8 + name + 4 + 8 per dimension + 12. Outer dimensions of 1 are not written.
  GgufPlan plan;
  plan.key_bytes = 40;
  add(plan, "a.weight", {64, 32});
  add(plan, "b", {1, 3});
  const QuantizedSize prediction = predict(plan, type("Q8_0"));
  CHECK(prediction.tensor_bytes == 64 * 34 + 6);
  CHECK(prediction.padding_bytes == 26);
  const std::uint64_t header = 24 + 40 + (8 + 8 + 4 + 16 + 12) + (8 + 1 + 4 + 8 + 12);
  CHECK(prediction.file_bytes == (header + 31) / 32 * 32 + 64 * 34 + 32);
}

TEST_CASE("what the quantiser refuses is said, with the size it would have") {
  const GgufPlan plan = decoder({});
  for (const char* name : {"IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ3_XXS", "Q2_K_S", "IQ3_XS"}) {
    CAPTURE(name);
    const QuantizedSize prediction = predict(plan, type(name));
    REQUIRE(prediction.refusal);
    CHECK(prediction.refusal->find("importance matrix") != std::string::npos);
    CHECK(prediction.tensor_bytes > 0);
  }
  for (const char* name :
       {"Q4_K_M", "Q8_0", "IQ3_S", "IQ3_M", "IQ4_XS", "IQ4_NL", "Q2_K", "TQ2_0", "MXFP4_MOE", "F16"}) {
    CAPTURE(name);
    CHECK_FALSE(predict(plan, type(name)).refusal);
  }
  SECTION("where a matrix only changes types, both sizes are given") {
    const QuantizedSize prediction = predict(plan, type("IQ4_XS"));
    REQUIRE(prediction.remarks.size() == 1);
    CHECK(prediction.remarks.front().find("importance matrix") != std::string::npos);
    CHECK(predict(plan, type("Q4_K_M")).remarks.empty());
    for (const QuantizerType& row : quantizer_types()) {
      CAPTURE(row.name);
      const QuantizedSize size = predict(plan, row);
      const bool depends = row.name == "Q4_0" || row.name == "Q5_0" || row.name == "IQ4_NL" || row.name == "IQ4_XS";
      REQUIRE(size.with_imatrix.has_value() == depends);
      if (!depends) continue;
      const auto types = predict_types(plan, row.ftype, true);
      std::uint64_t bytes = 0;
      for (std::size_t i = 0; i < types.size(); ++i) bytes += *tensor_bytes(types[i], plan.tensors[i].shape);
      CHECK(size.with_imatrix->tensor_bytes == bytes);
      CHECK(bytes != size.tensor_bytes);
      CHECK(size.with_imatrix->file_bytes - bytes == size.file_bytes - size.tensor_bytes);
    }
  }
  SECTION("a row that no block divides") {
    GgufPlan odd;
    add(odd, "blk.0.attn_gate.weight", {32, 100});
    const QuantizedSize prediction = predict(odd, type("Q8_0"));
    REQUIRE(prediction.refusal);
    CHECK(prediction.refusal->find("blk.0.attn_gate.weight") != std::string::npos);
    CHECK(prediction.tensor_bytes == 32 * 100 * 2);
  }
  SECTION("an input that is quantised already") {
    GgufPlan again = plan;
    again.tensors[2].dtype = Dtype::Q4_0;
    const QuantizedSize prediction = predict(again, type("Q8_0"));
    REQUIRE(prediction.remarks.size() == 1);
    CHECK(prediction.remarks.front().find("--allow-requantize") != std::string::npos);
  }
  SECTION("nothing to quantise") { CHECK(predict(GgufPlan{}, type("Q8_0")).refusal); }
}

TEST_CASE("the plan of a GGUF") {
  const KeySpec name{"general.architecture", {}, "x"};
  const Model model =
      describe(gguf({{"token_embd.weight", Dtype::F16, {64, 32}}, {"blk.0.attn_q.weight", Dtype::F16, {32, 32}}},
                    {name,
                     {"x.block_count", {9}},
                     {"x.attention.head_count", {8, 4}},
                     {"x.attention.head_count_kv", {2, 0}},
                     {"x.expert_count", {8}},
                     {"x.nextn_predict_layers", {1}},
                     {"split.count", {2}},
                     {"general.file_type", {1}}}));
  const GgufPlan plan = plan_gguf(model);
  CHECK(plan.architecture == "x");
  CHECK(plan.layers == 9);
  CHECK(plan.nextn == 1);
  CHECK(plan.heads == 8);
  CHECK(plan.kv_heads == 2);
  CHECK(plan.experts == 8);
  CHECK(plan.tensors.size() == 2);
  CHECK_FALSE(plan.estimated_keys);
  // Each key: 8 + name + 4 + value. The split's is gone, the quantizer's version is new.
  const std::uint64_t expected = (12 + 20 + 8 + 1) + (12 + 13 + 4) + (12 + 22 + 12 + 8) + (12 + 25 + 12 + 8) +
                                 (12 + 14 + 4) + (12 + 22 + 4) + (12 + 17 + 4) + (12 + 28 + 4);
  CHECK(plan.key_bytes == expected);
  SECTION("without keys") {
    const GgufPlan bare = plan_gguf(describe(
        gguf({{"blk.0.attn_q.weight", Dtype::F16, {32, 32}}, {"blk.1.attn_q.weight", Dtype::F16, {32, 32}}}, {name})));
    CHECK(bare.layers == 2);
    CHECK(bare.heads == 0);
  }
}

TEST_CASE("a type nobody knows is a wrong question") {
  const Model model = describe(gguf({{"a.weight", Dtype::F16, {32, 32}}}, {}));
  CHECK_THROWS_AS(predict(model, "Q9_9"), UsageError);
  CHECK(predict(model, "q4_k").type == "Q4_K_M");
}
