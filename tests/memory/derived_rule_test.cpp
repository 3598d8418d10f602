#include "src/memory/derived_rule.h"

#include "src/memory/compute.h"
#include "src/memory/memory.h"
#include "src/memory/weights.h"
#include "tests/catch.h"
#include "tests/memory/published.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

// Tensors of every layer, or of one in so many.
struct Layers {
  std::vector<std::string> names;
  std::uint32_t first = 0;
  std::uint32_t step = 1;
};

Model with_tensors(const std::string& architecture, const Keys& keys, const std::vector<Layers>& layers,
                   const std::vector<std::string>& outside = {"output.weight"}) {
  std::vector<KeySpec> specs{{.key = "general.architecture", .text = architecture}};
  std::uint32_t count = 0;
  for (const auto& [key, numbers] : keys) {
    if (key == "block_count") count = numbers.front();
    if (key == "attention.causal") {
      specs.push_back({.key = architecture + "." + key, .flag = numbers.front() != 0});
    } else {
      specs.push_back({.key = architecture + "." + key, .numbers = numbers});
    }
  }
  std::vector<TensorSpec> tensors{{"token_embd.weight", Dtype::F16, {1000, 1024}}};
  for (const std::string& name : outside) tensors.push_back({name, Dtype::F16, {1000, 1024}});
  for (const Layers& some : layers) {
    for (std::uint32_t i = some.first; i < count; i += some.step) {
      for (const std::string& name : some.names) {
        tensors.push_back({"blk." + std::to_string(i) + "." + name + ".weight", Dtype::F16, {1024, 1024}});
      }
    }
  }
  return describe(gguf(tensors, specs));
}

const std::vector<std::string> kAttention{"attn_norm", "attn_q", "attn_k", "attn_v", "attn_output"};
const std::vector<std::string> kFeedForward{"ffn_norm", "ffn_gate", "ffn_up", "ffn_down"};
const std::vector<std::string> kMamba{"attn_norm", "ssm_in", "ssm_conv1d", "ssm_x", "ssm_dt", "ssm_out"};
const std::vector<std::string> kMamba2{"attn_norm", "ssm_in", "ssm_conv1d", "ssm_norm", "ssm_out"};
const std::vector<std::string> kDelta{"attn_norm", "attn_qkv", "attn_gate", "ssm_conv1d", "ssm_ba", "ssm_out"};
const std::vector<std::string> kConvolution{"attn_norm", "shortconv.conv", "shortconv.in_proj", "shortconv.out_proj"};
const std::vector<std::string> kKimi{"attn_norm", "attn_q", "attn_k", "attn_v", "ssm_conv1d_q", "ssm_beta"};

Keys four_layers(Numbers kv_heads = {2}) { return transformer(4, 1024, 8, std::move(kv_heads), {2048}, 1000, 128); }

Keys recurrent_keys() { return four_layers({0, 2, 0, 2}) + state_space(4, 2048, 64, 2, 16); }

Run at(std::uint64_t context, bool flash_attention = true) {
  Run run;
  run.context = context;
  run.flash_attention = flash_attention;
  return run;
}

}  // namespace

TEST_CASE("an architecture without a row keeps what the like of it with one keeps", "[memory]") {
  struct Row {
    std::string known;
    Keys keys;
    std::vector<Layers> layers;
  };
  const Layers attention{kAttention}, ffn{kFeedForward};
  const Keys array{{"attention.sliding_window_pattern", {1, 1, 1, 0}}};
  const Keys sparse{{"attention.indexer.head_count", {4}}, {"attention.indexer.key_length", {128}}};
  const Keys marked{{"attention.indexer.types", {0, 1, 0, 1}}};
  const Keys kda = Keys{{"ssm.conv_kernel", {4}}, {"kda.head_dim", {128}}};
  const std::vector<Row> rows{
      {"llama", four_layers(), {attention, ffn}},
      {"maple", four_layers() + window(512) + array, {attention, ffn}},
      {"deepseek2", four_layers({1}) + latent(512, 64), {{{"attn_norm", "attn_kv_a_mqa", "attn_k_b"}}, ffn}},
      {"deepseek32", four_layers({1}) + latent(512, 64) + sparse, {{{"attn_norm", "attn_kv_a_mqa", "attn_k_b"}}, ffn}},
      {"glm-dsa", four_layers({1}) + latent(512, 64) + sparse + marked, {{{"attn_norm", "attn_kv_a_mqa"}}, ffn}},
      {"gemma3", four_layers() + Keys{{"attention.shared_kv_layers", {2}}}, {attention, ffn}},
      {"glm4moe", four_layers() + Keys{{"nextn_predict_layers", {1}}}, {attention, ffn}},
      {"nanbeige", four_layers() + Keys{{"num_loops", {2}}}, {attention, ffn}},
      {"jamba", recurrent_keys(), {{kMamba, 0, 2}, {kAttention, 1, 2}, ffn}},
      {"granitehybrid", recurrent_keys(), {{kMamba2, 0, 2}, {kAttention, 1, 2}, ffn}},
      {"falcon-h1", four_layers() + state_space(4, 2048, 64, 2, 16), {attention, {kMamba2}, ffn}},
      {"qwen3next",
       recurrent_keys() + Keys{{"full_attention_interval", {2}}},
       {{kDelta, 0, 2}, {kAttention, 1, 2}, ffn}},
      {"lfm2",
       four_layers({0, 2, 0, 2}) + Keys{{"shortconv.l_cache", {3}}},
       {{kConvolution, 0, 2}, {kAttention, 1, 2}, ffn}},
      {"kimi-linear", four_layers({0, 2, 0, 2}) + kda, {{kKimi, 0, 2}, {kAttention, 1, 2}, ffn}},
      {"mamba", transformer(4, 1024, 0, {0}, {0}, 1000) + state_space(4, 2048, 16, 0, 64), {{kMamba}}},
      {"rwkv6",
       transformer(4, 1024, 0, {0}, {2048}, 1000) +
           Keys{{"wkv.head_size", {64}}, {"time_mix_extra_dim", {32}}, {"time_decay_extra_dim", {64}}},
       {{{"attn_norm", "time_mix_w1", "time_mix_receptance"}}, {{"channel_mix_key"}}}},
      {"llada", four_layers() + Keys{{"attention.causal", {0}}}, {attention, ffn}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.known);
    const Model known = with_tensors(row.known, row.keys, row.layers);
    const Model unknown = with_tensors("strange", row.keys, row.layers);
    for (const Run& run : {at(8192), at(32768), at(8192, false)}) {
      const RunNeed like = measure(known, run), derived = measure(unknown, run);
      CHECK(derived.need.kv_cache == like.need.kv_cache);
      CHECK(derived.need.state == like.need.state);
      REQUIRE(like.need.compute);
      // On the safe side, by a tenth and what flash attention's rounding adds.
      CHECK(*derived.need.compute >= *like.need.compute);
      CHECK(*derived.need.compute <= *like.need.compute * 13 / 10);
      CHECK(derived.basis == Basis::Assumed);
      CHECK(derived.architecture == "strange");
      CHECK_FALSE(derived.proven);
    }
  }
}

TEST_CASE("what an architecture without a row is taken for is said", "[memory]") {
  const auto remark = [](const Keys& keys, const std::vector<Layers>& layers) {
    return measure(with_tensors("strange", keys, layers), Run()).remark;
  };
  const Layers attention{kAttention};
  CHECK(remark(four_layers(), {attention}) == Remark::AttentionIsFull);
  // Nobody says which layers slide.
  CHECK(remark(four_layers() + window(512), {attention}) == Remark::AttentionIsFull);
  CHECK(remark(four_layers() + window(512) + Keys{{"attention.sliding_window_pattern", {1, 1, 1, 0}}}, {attention}) ==
        Remark::LayersShown);
  CHECK(remark(recurrent_keys(), {{kMamba, 0, 2}, {kAttention, 1, 2}}) == Remark::LayersShown);
}

TEST_CASE("of a period as many layers as may see everything do", "[memory]") {
  const Keys keys =
      transformer(7, 1024, 8, {2}, {2048}, 1000, 128) + window(512) + Keys{{"attention.sliding_window_pattern", {3}}};
  const RunModel model = read_run_model(with_tensors("strange", keys, {{kAttention}})).value();
  CHECK(std::ranges::count(model.layers, false, &LayerModel::sliding) == 3);
}

TEST_CASE("blocks that predict are counted as loaded where nobody knows whether they are", "[memory]") {
  const Keys keys = four_layers() + Keys{{"nextn_predict_layers", {1}}};
  const Model model = with_tensors("strange", keys, {{kAttention}});
  CHECK(measure(model, Run()).need.weights == model.weight_bytes);
  CHECK(*measure(with_tensors("glm4moe", keys, {{kAttention}}), Run()).need.weights < model.weight_bytes);
}

TEST_CASE("an encoder has no cache; what may be one but has nothing to show for it keeps it", "[memory]") {
  const Keys keys = four_layers() + Keys{{"attention.causal", {0}}};
  const auto cache = [&](const std::vector<std::string>& outside) {
    return measure(with_tensors("strange", keys, {{kAttention}}, outside), Run()).need.kv_cache;
  };
  CHECK(cache({"token_types.weight"}) == 0U);
  CHECK(cache({"output.weight"}) == 0U);
  CHECK(cache({}) != 0U);
}

TEST_CASE("a file without tensors shows nothing", "[memory]") {
  CHECK(shown_layer_types(keys_only("strange", four_layers()), 4).empty());
  CHECK(shown_layer_types(with_tensors("strange", four_layers(), {{kAttention}}), 4).empty());
  const Model mixed =
      with_tensors("strange", four_layers(), {{kMamba2, 0, 4}, {kAttention, 1, 4}, {kFeedForward, 2, 1}});
  CHECK(shown_layer_types(mixed, 4) ==
        std::vector{LayerType::Recurrent, LayerType::Attention, LayerType::FeedForward, LayerType::FeedForward});
}
