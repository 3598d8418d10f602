#include "src/memory/split.h"

#include "src/memory/memory.h"
#include "tests/catch.h"
#include "tests/memory/published.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

constexpr std::uint64_t kEmbedding = 1000 * 512 * 2, kBlock = 512 * 512 * 2 + 2048 * 512 * 2,
                        kExperts = 4 * 512 * 64 * 2;

// Four blocks; each with an attention and a feed-forward matrix, the last two with experts as well.
Model four_blocks(bool tied, std::uint32_t nextn = 0, const std::string& architecture = "llama") {
  std::vector<TensorSpec> tensors{{"token_embd.weight", Dtype::F16, {1000, 512}},
                                  {"output_norm.weight", Dtype::F32, {512}},
                                  {"rope_freqs.weight", Dtype::F32, {32}}};
  if (!tied) tensors.push_back({"output.weight", Dtype::F16, {1000, 512}});
  for (int i = 0; i < 4; ++i) {
    const std::string block = "blk." + std::to_string(i) + ".";
    tensors.push_back({block + "attn_output.weight", Dtype::F16, {512, 512}});
    tensors.push_back({block + "ffn_down.weight", Dtype::F16, {512, 2048}});
    if (i >= 2) tensors.push_back({block + "ffn_down_exps.weight", Dtype::F16, {4, 512, 64}});
  }
  std::vector<KeySpec> keys{{.key = "general.architecture", .text = architecture}};
  for (const auto& [key, numbers] : transformer(4, 512, 8, {8}, {2048}, 1000)) {
    keys.push_back({.key = architecture + "." + key, .numbers = numbers});
  }
  keys.push_back({.key = architecture + ".nextn_predict_layers", .numbers = {nextn}});
  return describe(gguf(tensors, keys));
}

SplitNeed placed(const Model& model, std::optional<std::uint64_t> gpu_layers, const std::vector<double>& devices,
                 std::uint64_t cpu_moe = 0) {
  return measure_split(model, {.gpu_layers = gpu_layers, .cpu_moe_layers = cpu_moe}, devices).value();
}

}  // namespace

TEST_CASE("gpu layers count the output layer first, then blocks from the last", "[memory]") {
  const Model model = four_blocks(false);
  const std::uint64_t output = kEmbedding + 512 * 4, tables = 32 * 4;
  struct Row {
    std::uint64_t gpu_layers, blocks, weights;
    bool output;
  };
  const auto row =
      GENERATE_COPY(Row{0, 0, 0, false}, Row{1, 0, output, true}, Row{2, 1, output + kBlock + kExperts + tables, true},
                    Row{3, 2, output + 2 * (kBlock + kExperts) + tables, true},
                    Row{5, 4, output + 4 * kBlock + 2 * kExperts + tables, true},
                    Row{99, 4, output + 4 * kBlock + 2 * kExperts + tables, true});
  CAPTURE(row.gpu_layers);
  const SplitNeed split = placed(model, row.gpu_layers, {1});
  CHECK(split.devices[0].blocks == row.blocks);
  CHECK(split.devices[0].output == row.output);
  CHECK(split.devices[0].need.weights == row.weights);
  CHECK(split.host.blocks == 4 - row.blocks);
  CHECK(split.host.output == !row.output);
  // K and V of a block: 2 * 512 values of 2 bytes in 4096 cells.
  CHECK(split.devices[0].need.kv_cache == row.blocks * 2 * 512 * 2 * 4096);
  CHECK(split.host.need.kv_cache == (4 - row.blocks) * 2 * 512 * 2 * 4096);
}

TEST_CASE("everything is somewhere once, but what both ends use", "[memory]") {
  const Model untied = four_blocks(false), tied = four_blocks(true);
  const auto sum = [](const SplitNeed& p) { return *p.host.need.weights + *p.devices[0].need.weights; };
  CHECK(sum(placed(untied, std::nullopt, {1})) == untied.weight_bytes);
  CHECK(sum(placed(tied, std::nullopt, {1})) == tied.weight_bytes + kEmbedding);
  CHECK(sum(placed(tied, 0, {1})) == tied.weight_bytes);
  CHECK(*placed(tied, std::nullopt, {1}).host.need.weights == kEmbedding);
  CHECK(measure(tied, {}).need.weights == tied.weight_bytes);
}

TEST_CASE("blocks of multi-token prediction are not loaded", "[memory]") {
  const Model model = four_blocks(false, 1, "glm4moe");
  CHECK(measure(model, {}).need.weights == model.weight_bytes - kBlock - kExperts);
  CHECK(placed(model, 2, {1}).devices[0].need.weights == kEmbedding + 512 * 4 + 32 * 4);
}

TEST_CASE("experts of the first blocks stay on the host", "[memory]") {
  const Model model = four_blocks(false);
  const SplitNeed all = placed(model, std::nullopt, {1}), kept = placed(model, std::nullopt, {1}, 3);
  CHECK(*all.devices[0].need.weights - *kept.devices[0].need.weights == kExperts);
  CHECK(*kept.host.need.weights - *all.host.need.weights == kExperts);
  CHECK(kept.devices[0].need.kv_cache == all.devices[0].need.kv_cache);
  CHECK(*kept.devices[0].need.compute >= *all.devices[0].need.compute);
}

TEST_CASE("dense feed-forward weights of the first blocks stay on the host", "[memory]") {
  const Model model = four_blocks(false);
  constexpr std::uint64_t kFfn = 512 * 2048 * 2;
  const SplitNeed all = placed(model, std::nullopt, {1});
  for (const std::uint64_t blocks : {1, 3, 9}) {
    CAPTURE(blocks);
    const SplitNeed kept = measure_split(model, {.cpu_ffn_layers = blocks}, std::vector<double>{1}).value();
    const std::uint64_t there = std::min<std::uint64_t>(blocks, 4);
    CHECK(*all.devices[0].need.weights - *kept.devices[0].need.weights == there * kFfn);
    CHECK(*kept.host.need.weights - *all.host.need.weights == there * kFfn);
    CHECK(kept.devices[0].need.kv_cache == all.devices[0].need.kv_cache);
    CHECK(kept.devices[0].blocks == 4);
  }
  // With the experts of the same blocks both are there.
  const SplitNeed both =
      measure_split(model, {.cpu_moe_layers = 3, .cpu_ffn_layers = 3}, std::vector<double>{1}).value();
  CHECK(*both.host.need.weights - *all.host.need.weights == 3 * kFfn + kExperts);
}

TEST_CASE("whole layers per device, the last one carries the output", "[memory]") {
  const Model model = four_blocks(false);
  const SplitNeed even = placed(model, std::nullopt, {1, 1});
  CHECK(even.devices[0].blocks == 3);  // slots 0, 1, 2 of 5 lie below one half
  CHECK(even.devices[1].blocks == 1);
  CHECK(even.devices[1].output);
  CHECK_FALSE(even.devices[0].output);
  const SplitNeed uneven = placed(model, std::nullopt, {3, 1, 1});
  CHECK(uneven.devices[0].blocks == 3);
  CHECK(uneven.devices[1].blocks == 1);
  CHECK(uneven.devices[2].blocks == 0);
  CHECK(uneven.devices[2].output);
}

TEST_CASE("compute grows at partial offload, and logits lie on the host", "[memory]") {
  const Model model = four_blocks(false);
  const SplitNeed whole = placed(model, std::nullopt, {1}), part = placed(model, 3, {1});
  CHECK(*part.devices[0].need.compute > *whole.devices[0].need.compute);
  CHECK(*part.host.need.compute > *whole.host.need.compute);
  CHECK(whole.host.need.logits == 1000U * 4);
  CHECK(whole.devices[0].need.logits == 0U);
}
