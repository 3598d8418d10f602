#include "src/memory/weights.h"

#include "tests/catch.h"
#include "tests/memory/published.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

constexpr std::uint64_t kBytes = 64 * 2;  // of each tensor below

// The second of two blocks predicts where `predicting` is 1.
WeightParts parts_with(const std::vector<std::string>& names, const std::string& architecture = "llama",
                       std::uint32_t predicting = 0) {
  std::vector<TensorSpec> tensors;
  for (const std::string& name : names) {
    const bool stacked = name.find("_exps") != std::string::npos;
    tensors.push_back(
        {name, Dtype::F16, stacked ? std::vector<std::uint64_t>{2, 8, 4} : std::vector<std::uint64_t>{8, 8}});
  }
  std::vector<KeySpec> keys{{.key = "general.architecture", .text = architecture}};
  for (const auto& [key, numbers] :
       transformer(2, 64, 2, {2}, {128}, 100) + Keys{{"nextn_predict_layers", {predicting}}}) {
    keys.push_back({.key = architecture + "." + key, .numbers = numbers});
  }
  const Model model = describe(gguf(tensors, keys));
  return weight_parts(model, read_run_model(model).value());
}

}  // namespace

TEST_CASE("a tensor is loaded with the part of the model that its role belongs to", "[memory]") {
  struct Row {
    std::string name;
    std::uint64_t input, embeddings, everywhere, output;
    bool tied;
  };
  const std::vector<Row> rows{
      {"token_embd.weight", kBytes, kBytes, 0, 0, true},
      {"token_embd_norm.weight", kBytes, 0, 0, 0, true},
      {"per_layer_token_embd.weight", kBytes, 0, 0, 0, true},
      {"per_layer_model_proj.weight", kBytes, 0, 0, 0, true},
      {"position_embd.weight", kBytes, 0, 0, 0, true},
      {"token_types.weight", kBytes, 0, 0, 0, true},
      {"rope_freqs.weight", 0, 0, kBytes, 0, true},
      {"rope_factors_long.weight", 0, 0, kBytes, 0, true},
      {"output_norm.weight", 0, 0, 0, kBytes, true},
      {"output.weight", 0, 0, 0, kBytes, false},
      {"of.another.name", 0, 0, 0, kBytes, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const WeightParts parts = parts_with({row.name});
    CHECK(parts.input == row.input);
    CHECK(parts.embeddings == row.embeddings);
    CHECK(parts.everywhere == row.everywhere);
    CHECK(parts.output == row.output);
    CHECK(parts.tied == row.tied);
  }
}

TEST_CASE("routed experts are counted apart in their block", "[memory]") {
  const WeightParts parts =
      parts_with({"blk.0.attn_q.weight", "blk.0.ffn_up_exps.weight", "blk.1.ffn_up.0.weight", "blk.1.ffn_up.1.weight"});
  REQUIRE(parts.blocks.size() == 2);
  CHECK(parts.blocks[0].bytes == 2 * kBytes);
  CHECK(parts.blocks[0].experts == kBytes);
  CHECK(parts.blocks[0].largest == kBytes);
  CHECK(parts.blocks[0].largest_expert == kBytes);
  CHECK(parts.blocks[1].experts == 2 * kBytes);  // as they were named once, each expert by itself
}

TEST_CASE("of next-token blocks few architectures load a part", "[memory]") {
  const std::vector<std::string> names{"blk.1.attn_norm.weight",
                                       "blk.1.attn_q.weight",
                                       "blk.1.ffn_norm.weight",
                                       "blk.1.ffn_gate_inp.weight",
                                       "blk.1.exp_probs_b.bias",
                                       "blk.1.ffn_up_exps.weight",
                                       "blk.1.ffn_down_shexp.weight",
                                       "blk.1.nextn.embed_tokens.weight",
                                       "blk.1.nextn.shared_head_head.weight",
                                       "blk.1.nextn.shared_head_norm.weight",
                                       "blk.1.nextn.eh_proj.weight",
                                       "blk.1.nextn.enorm.weight"};
  struct Row {
    std::string architecture;
    std::uint64_t tensors;
  };
  for (const Row& row : std::vector<Row>{
           {"glm4moe", 0}, {"qwen35", 0}, {"hy_v3", 7}, {"cohere2moe", 3}, {"deepseek32", 1}, {"glm-dsa", 1}}) {
    CAPTURE(row.architecture);
    CHECK(parts_with(names, row.architecture, 1).blocks[1].bytes == row.tensors * kBytes);
    CHECK(parts_with(names, row.architecture, 0).blocks[1].bytes == names.size() * kBytes);
  }
}

TEST_CASE("a tied matrix is a second tensor in memory for two architectures", "[memory]") {
  CHECK(parts_with({"token_embd.weight"}, "gemma3n").copied == kBytes);
  CHECK(parts_with({"token_embd.weight"}, "gemma4").copied == kBytes);
  CHECK(parts_with({"token_embd.weight"}, "gemma3").copied == 0);
  CHECK(parts_with({"token_embd.weight", "output.weight"}, "gemma4").copied == 0);
}

TEST_CASE("every tensor starts at a multiple of 32 bytes", "[memory]") {
  const Model model =
      describe(gguf({{"token_embd.weight", Dtype::F32, {3, 3}}, {"output_norm.weight", Dtype::F32, {3}}},
                    {{.key = "general.architecture", .text = "llama"},
                     {.key = "llama.block_count", .numbers = {1}},
                     {.key = "llama.embedding_length", .numbers = {3}}}));
  const WeightParts parts = weight_parts(model, read_run_model(model).value());
  CHECK(parts.input == 64);
  CHECK(parts.output == 32);
}
