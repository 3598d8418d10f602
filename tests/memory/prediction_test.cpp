#include "src/memory/prediction.h"

#include "src/memory/compute.h"
#include "src/memory/memory.h"
#include "src/memory/refused_setting.h"
#include "src/memory/weights.h"
#include "tests/catch.h"
#include "tests/memory/published.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

Keys predicting(std::uint32_t blocks) { return {{"nextn_predict_layers", {blocks}}}; }

Keys shared_expert(std::uint32_t dense) {
  return {{"expert_shared_count", {1}}, {"leading_dense_block_count", {dense}}, {"expert_gating_func", {2}}};
}

Keys low_rank_query(std::uint32_t rank) { return {{"attention.q_lora_rank", {rank}}}; }

// Layers of attention are those with heads for keys.
Model bailing() {
  const Numbers kv_heads = per_layer(13, [](std::uint32_t i) { return i % 4 == 3 || i == 12 ? 1U : 0U; });
  return keys_only("bailingmoe3", transformer(13, 2048, 16, kv_heads, {6144}, 157184) + latent(512, 64) +
                                      low_rank_query(1024) + experts(32, 4, 1024) + shared_expert(1) + predicting(1) +
                                      Keys{{"ssm.conv_kernel", {4}}, {"kda.head_dim", {128}}});
}

Run at_8192(Dtype type) {
  Run run;
  run.context = 8192;
  run.key_type = run.value_type = type;
  return run;
}

std::uint64_t cache_of(const RunModel& model, const Run& run) {
  std::uint64_t sum = 0;
  const auto caches = layer_caches(model, run);
  for (const LayerCache& cache : caches.value()) sum += cache.kv + cache.state;
  return sum;
}

}  // namespace

TEST_CASE("blocks that predict need as a draft what the engine allocates", "[memory]") {
  struct Row {
    Model model;
    std::uint64_t cache, cache_in_q8_0, compute;
  };
  // One sequence, 8192 cells, 512 tokens at a time, on a host.
  const Row rows[] = {
      {keys_only("glm4moe", transformer(93, 5120, 96, {8}, {12288}, 151552, 128) + experts(160, 8, 1536) +
                                shared_expert(3) + predicting(1)),
       33554432, 17825792, 350238720},
      {keys_only("deepseek32",
                 transformer(62, 7168, 128, {1}, {18432}, 129280) + latent(512, 64) + low_rank_query(1536) +
                     experts(256, 8, 2048) + shared_expert(3) + predicting(1) +
                     Keys{{"attention.indexer.head_count", {64}}, {"attention.indexer.key_length", {128}}}),
       9437184, 5013504, 393226240},
      {keys_only("cohere2moe", transformer(17, 2048, 16, {4}, {6144}, 256000, 128) + window(4096) +
                                   experts(32, 4, 1024) + shared_expert(1) + predicting(1)),
       16777216, 8912896, 532676608},
      {bailing(), 9437184, 5013504, 334495744},
      {keys_only("hy_v3", transformer(13, 4096, 64, {8}, {13312}, 129280, 128) + experts(96, 8, 1536) +
                              shared_expert(1) + predicting(1)),
       33554432, 17825792, 289945600},
  };
  for (const Row& row : rows) {
    const RunModel whole = read_run_model(row.model).value();
    CAPTURE(whole.architecture);
    const RunModel draft = prediction_model(whole).value();
    CHECK(draft.layers.size() == 1);
    CHECK(cache_of(draft, at_8192(Dtype::F16)) == row.cache);
    CHECK(cache_of(draft, at_8192(Dtype::Q8_0)) == row.cache_in_q8_0);
    CHECK(whole_compute_bytes(draft, at_8192(Dtype::F16)) == row.compute);
    CHECK(measure(row.model, draft, at_8192(Dtype::F16)).basis == Basis::Rules);
    CHECK(measure(row.model, draft, at_8192(Dtype::F16)).need.weights == 0U);
  }
}

TEST_CASE("what predicts attends to everything, whatever the other layers do", "[memory]") {
  const Keys sliding = transformer(5, 1024, 8, {2}, {2048}, 1000, 128) + window(512) +
                       Keys{{"attention.sliding_window_pattern", {1, 1, 1, 0, 1}}} + predicting(2);
  const RunModel draft = prediction_model(read_run_model(keys_only("mimo2", sliding)).value()).value();
  REQUIRE(draft.layers.size() == 2);
  // K and V of two heads of 128 values in 16 bits.
  CHECK(cache_of(draft, at_8192(Dtype::F16)) == std::uint64_t{2} * 8192 * 2 * 2 * 128 * 2);
}

TEST_CASE("a model without such blocks has no draft of its own", "[memory]") {
  const auto drafts = [](const std::string& name, const Keys& keys) {
    return prediction_model(read_run_model(keys_only(name, keys)).value()).has_value();
  };
  const Keys plain = transformer(4, 1024, 8, {8}, {2048}, 1000);
  CHECK(drafts("glm4moe", plain + predicting(1)));
  CHECK_FALSE(drafts("glm4moe", plain));
  CHECK_FALSE(drafts("glm4moe", plain + predicting(4)));        // a head by itself, which is run as it is
  CHECK_FALSE(drafts("graniteswitch", plain + predicting(1)));  // a router, which is no such block
  // The keys promise a block that the file does not have.
  std::vector<KeySpec> keys{{.key = "general.architecture", .text = "glm4moe"}};
  for (const auto& [key, numbers] : plain + predicting(1)) {
    keys.push_back({.key = "glm4moe." + key, .numbers = numbers});
  }
  const auto with = [&](const std::string& name) {
    const Model model = describe(gguf({{"blk.0.attn_q.weight", Dtype::F16, {8, 8}}, {name, Dtype::F16, {8, 8}}}, keys));
    return prediction_model(read_run_model(model).value()).has_value();
  };
  CHECK(with("blk.3.attn_norm.weight"));
  CHECK_FALSE(with("blk.2.attn_norm.weight"));
}

TEST_CASE("a draft with the model's own blocks loads them whole", "[memory]") {
  std::vector<KeySpec> keys{{.key = "general.architecture", .text = "glm4moe"}};
  for (const auto& [key, numbers] : transformer(2, 64, 2, {2}, {128}, 100) + predicting(1)) {
    keys.push_back({.key = "glm4moe." + key, .numbers = numbers});
  }
  const Model model = describe(gguf({{"blk.0.attn_q.weight", Dtype::F16, {8, 8}},
                                     {"blk.1.attn_q.weight", Dtype::F16, {8, 8}},
                                     {"blk.1.nextn.eh_proj.weight", Dtype::F16, {8, 8}}},
                                    keys));
  RunModel whole = read_run_model(model).value();
  CHECK(weight_parts(model, whole).blocks[1].bytes == 0);
  whole.prediction = PredictionUse::Loaded;
  CHECK(weight_parts(model, whole).blocks[1].bytes == 2 * 8 * 8 * 2);
}

TEST_CASE("an engine without a graph for such blocks does not start", "[memory]") {
  const auto why = [](const std::string& name) {
    const Keys keys = transformer(4, 1024, 8, {8}, {2048}, 1000, 128) + predicting(1);
    const RunModel whole = read_run_model(keys_only(name, keys)).value();
    CHECK_FALSE(refused_setting(whole, Run()));
    return refused_setting(prediction_model(whole).value(), Run());
  };
  CHECK(why("exaone-moe") == "no graph of multi-token prediction for exaone-moe");
  CHECK(why("bailingmoe2").has_value());
  CHECK_FALSE(why("glm4moe").has_value());
}
