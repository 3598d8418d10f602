#include "src/memory/hyperparameters.h"

#include <algorithm>

#include "src/memory/memory.h"
#include "tests/catch.h"
#include "tests/memory/published.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

std::vector<bool> sliding(const Model& model) {
  std::vector<bool> result;
  const auto shape = read_run_model(model);
  for (const LayerModel& layer : shape.value().layers) result.push_back(layer.sliding);
  return result;
}

Model from_config(std::string_view config, const std::vector<TensorSpec>& tensors = {}) {
  return describe(safetensors(tensors, config));
}

}  // namespace

TEST_CASE("heads and widths are a scalar or an array, and 0 means none in this layer", "[memory]") {
  const Model model = keys_only("deci", transformer(3, 1024, 8, {8, 0, 2}, {4096, 2048, 0}, 100));
  const auto layers = read_run_model(model).value().layers;
  CHECK(layers[0].kv_heads == 8);
  CHECK(layers[1].kv_heads == 0);
  CHECK_FALSE(layers[1].cached);
  CHECK(layers[2].kv_heads == 2);
  CHECK(layers[1].ffn == 2048);
  CHECK(layers[2].ffn == 0);
  CHECK((layers[2].parts & kDense) == 0);
  // Without a key of its own the KV heads are the heads; an array that ends early has none behind its end.
  Keys keys{{"block_count", {3}}, {"embedding_length", {1024}}, {"attention.head_count", {8, 4}}};
  const auto heads = read_run_model(keys_only("deci", keys)).value().layers;
  CHECK(heads[0].kv_heads == 8);
  CHECK(heads[1].kv_heads == 4);
  CHECK(heads[2].kv_heads == 0);
}

TEST_CASE("which layers slide", "[memory]") {
  const Keys eight = transformer(8, 1024, 8, {8}, {4096}, 100) + window(512);
  using Flags = std::vector<bool>;
  CHECK(sliding(keys_only("gemma2", eight)) == Flags{1, 0, 1, 0, 1, 0, 1, 0});
  CHECK(sliding(keys_only("gemma3", eight)) == Flags{1, 1, 1, 1, 1, 0, 1, 1});
  CHECK(sliding(keys_only("smallthinker", eight)) == Flags{0, 1, 1, 1, 0, 1, 1, 1});
  CHECK(sliding(keys_only("phi3", eight)) == Flags(8, false));
  CHECK(sliding(keys_only("llama", eight)) == Flags(8, false));
  const Keys pattern{{"attention.sliding_window_pattern", {1, 1, 0, 0, 1, 0, 0, 0}}};
  CHECK(sliding(keys_only("gemma4", eight + pattern)) == Flags{1, 1, 0, 0, 1, 0, 0, 0});
  CHECK(sliding(keys_only("olmo2", eight + pattern)) == Flags{1, 1, 0, 0, 1, 0, 0, 0});
  const Keys period{{"attention.sliding_window_pattern", {3}}};
  CHECK(sliding(keys_only("gemma3", eight + period)) == Flags{1, 1, 0, 1, 1, 0, 1, 1});
  // No width, no window; a fixed one is switched off by 0.
  CHECK(sliding(keys_only("gemma3", transformer(8, 1024, 8, {8}, {4096}, 100))) == Flags(8, false));
  CHECK(sliding(keys_only("llama4", transformer(8, 1024, 8, {8}, {4096}, 100) + window(0))) == Flags(8, false));
}

TEST_CASE("tensors say what a layer is made of", "[memory]") {
  const std::vector<TensorSpec> tensors{
      {"token_embd.weight", Dtype::F16, {1000, 512}},          {"blk.0.attn_norm.weight", Dtype::F32, {512}},
      {"blk.0.attn_qkv.weight", Dtype::F16, {1536, 512}},      {"blk.0.attn_output.weight", Dtype::F16, {512, 512}},
      {"blk.0.post_attention_norm.weight", Dtype::F32, {512}}, {"blk.0.ffn_up.weight", Dtype::F16, {4096, 512}},
      {"blk.0.ffn_down.weight", Dtype::F16, {512, 2048}},      {"blk.1.attn_norm.weight", Dtype::F32, {512}},
      {"blk.1.ssm_in.weight", Dtype::F16, {2048, 512}},        {"blk.99.attn_norm.weight", Dtype::F32, {512}}};
  const std::vector<KeySpec> keys{{.key = "general.architecture", .text = "llama"},
                                  {.key = "llama.block_count", .numbers = {2}},
                                  {.key = "llama.embedding_length", .numbers = {512}},
                                  {.key = "llama.attention.head_count", .numbers = {8}},
                                  {.key = "llama.vocab_size", .numbers = {900}}};
  const auto model = read_run_model(describe(gguf(tensors, keys))).value();
  CHECK(model.vocab == 1000);  // the embedding's rows, not the key
  CHECK(model.layers[0].ffn == 2048);
  CHECK(model.layers[0].parts == (kInputNorm | kJointQkv | kFfnNorm | kJointGate | kDense));
  CHECK(model.layers[1].mixer == Mixer::Mamba2);
}

TEST_CASE("layers that are run several times have their weights once", "[memory]") {
  std::vector<TensorSpec> tensors{{"token_embd.weight", Dtype::F16, {64000, 2048}},
                                  {"hrm.z_l_init", Dtype::F32, {2048}}};
  for (int i = 0; i < 8; ++i) {
    const std::string block = "blk." + std::to_string(i) + ".";
    tensors.push_back({block + "attn_q.weight", Dtype::F16, {2048, 2048}});
    tensors.push_back({block + "ffn_down.weight", Dtype::F16, {2048, 6000}});
  }
  std::vector<KeySpec> keys{{.key = "general.architecture", .text = "hrm_text"}};
  for (const auto& [key, numbers] : hrm_text_keys()) keys.push_back({.key = "hrm_text." + key, .numbers = numbers});
  const Model source = describe(gguf(tensors, keys));
  const auto model = read_run_model(source).value();
  REQUIRE(model.layers.size() == 32);
  CHECK(model.stored_layers == 8);
  for (const LayerModel& layer : model.layers) {
    CHECK(layer.cached);
    CHECK(layer.mixer == Mixer::Attention);
    CHECK(layer.ffn == 6000);  // the tensor's width, in the passes that have no tensors as well
    CHECK((layer.parts & kDense) != 0);
  }
  CHECK(measure(source, {.context = 8192}).weights == source.weight_bytes);
  // config.json states the layers of one stack.
  const Model config = from_config(R"({"architectures": ["HrmTextForCausalLM"], "num_hidden_layers": 4,
      "hidden_size": 2048, "num_attention_heads": 16, "head_dim": 128, "intermediate_size": 6144, "vocab_size": 64000,
      "H_cycles": 2, "L_cycles": 3})");
  CHECK(cache_sums(config, {.context = 8192}).kv == cache_sums(source, {.context = 8192}).kv);
}

TEST_CASE("config.json gives what its GGUF would", "[memory]") {
  struct Row {
    std::string what, config;
    Model gguf;
  };
  std::vector<Row> rows;
  rows.push_back({"llama", R"({"architectures": ["LlamaForCausalLM"], "num_hidden_layers": 32, "hidden_size": 4096,
      "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256})",
                  llama_3_8b()});
  rows.push_back({"mixtral", R"({"architectures": ["MixtralForCausalLM"], "num_hidden_layers": 32, "hidden_size": 4096,
      "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 32000,
      "num_local_experts": 8, "num_experts_per_tok": 2, "sliding_window": 4096})",
                  mixtral_8x7b()});
  rows.push_back({"gemma3", R"({"architectures": ["Gemma3ForConditionalGeneration"], "text_config": {
      "num_hidden_layers": 62, "hidden_size": 5376, "num_attention_heads": 32, "num_key_value_heads": 16,
      "head_dim": 128, "intermediate_size": 21504, "vocab_size": 262144, "sliding_window": 1024}})",
                  gemma_3_27b()});
  rows.push_back({"deepseek", R"({"architectures": ["DeepseekV3ForCausalLM"], "num_hidden_layers": 61,
      "hidden_size": 7168, "num_attention_heads": 128, "num_key_value_heads": 128, "intermediate_size": 18432,
      "vocab_size": 129280, "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128,
      "v_head_dim": 128, "n_routed_experts": 256, "num_experts_per_tok": 8, "moe_intermediate_size": 2048,
      "n_shared_experts": 1, "n_group": 8, "first_k_dense_replace": 3, "num_nextn_predict_layers": 1})",
                  deepseek_v3()});
  rows.push_back({"qwen3next", R"({"architectures": ["Qwen3NextForCausalLM"], "num_hidden_layers": 48,
      "hidden_size": 2048, "num_attention_heads": 16, "num_key_value_heads": 2, "head_dim": 256,
      "intermediate_size": 5120, "vocab_size": 151936, "num_experts": 512, "num_experts_per_tok": 10,
      "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512, "full_attention_interval": 4,
      "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_value_head_dim": 128,
      "linear_num_key_heads": 16, "linear_num_value_heads": 32})",
                  qwen_3_next_80b()});
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const Run run{.context = 8192};
    const CacheSums ours = cache_sums(from_config(row.config), run), theirs = cache_sums(row.gguf, run);
    CHECK(ours.kv == theirs.kv);
    CHECK(ours.state == theirs.state);
    CHECK(read_run_model(from_config(row.config))->vocab == read_run_model(row.gguf)->vocab);
  }
}

TEST_CASE("layer_types of config.json say which layers slide", "[memory]") {
  const Model model = from_config(R"({"architectures": ["Gemma4ForCausalLM"], "num_hidden_layers": 3,
      "hidden_size": 512, "num_attention_heads": 8, "sliding_window": 128,
      "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]})");
  CHECK(sliding(model) == std::vector<bool>{true, false, true});
}

TEST_CASE("Gemma 4's full layers have heads of their own", "[memory]") {
  const Model model = from_config(R"({"architectures": ["Gemma4ForConditionalGeneration"], "text_config": {
      "num_hidden_layers": 2, "hidden_size": 512, "num_attention_heads": 8, "num_key_value_heads": 8, "head_dim": 64,
      "global_head_dim": 128, "num_global_key_value_heads": 2, "sliding_window": 256,
      "layer_types": ["sliding_attention", "full_attention"]}})");
  // 768 cells of 8 heads of 64 values; 4096 cells of 2 heads of 128.
  CHECK(cache_sums(model, {.context = 4096}).kv == 2U * 2 * (768 * 8 * 64 + 4096 * 2 * 128));
}

TEST_CASE("without a word on heads the projections' rows say what is cached", "[memory]") {
  std::vector<TensorSpec> tensors{{"model.embed_tokens.weight", Dtype::BF16, {1000, 512}}};
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    tensors.push_back({layer + "self_attn.q_proj.weight", Dtype::BF16, {1024, 512}});
    tensors.push_back({layer + "self_attn.k_proj.weight", Dtype::BF16, {256, 512}});
    tensors.push_back({layer + "self_attn.v_proj.weight", Dtype::BF16, {256, 512}});
  }
  CHECK(cache_sums(from_config("", tensors), {.context = 4096}).kv == 2U * 2 * 256 * 2 * 4096);
}

TEST_CASE("hostile and empty headers give no model, or one of sane size", "[memory]") {
  CHECK_FALSE(read_run_model(keys_only("llama", {})));
  CHECK_FALSE(read_run_model(keys_only("llama", {{"block_count", {2}}})));
  CHECK_FALSE(read_run_model(keys_only("llama", transformer(4000000000, 64, 8, {8}, {64}, 100))));
  CHECK_FALSE(read_run_model(keys_only("llama", transformer(2, 64, 8, {8}, {64}, 100) +
                                                    Keys{{"expert_count", {4000000000}}, {"expert_used_count", {1}}})));
  CHECK_FALSE(read_run_model(hypothetical_model(7'000'000'000, "f16", 16)));
  CHECK(read_run_model(keys_only("no-such-architecture", transformer(2, 64, 8, {8}, {64}, 100))));
}
