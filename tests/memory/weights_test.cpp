#include "src/memory/weights.h"

#include "tests/catch.h"
#include "tests/memory/published.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

constexpr std::uint64_t kBytes = 64 * 2;  // of each tensor below

WeightParts parts_with(const std::vector<std::string>& names) {
  std::vector<TensorSpec> tensors;
  for (const std::string& name : names) {
    const bool stacked = name.find("_exps") != std::string::npos;
    tensors.push_back(
        {name, Dtype::F16, stacked ? std::vector<std::uint64_t>{2, 8, 4} : std::vector<std::uint64_t>{8, 8}});
  }
  std::vector<KeySpec> keys{{.key = "general.architecture", .text = "llama"}};
  for (const auto& [key, numbers] : transformer(2, 64, 2, {2}, {128}, 100)) {
    keys.push_back({.key = "llama." + key, .numbers = numbers});
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
