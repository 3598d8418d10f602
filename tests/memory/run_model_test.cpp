#include "src/memory/run_model.h"

#include <algorithm>

#include "src/checkpoint/open_checkpoint.h"
#include "src/memory/memory.h"
#include "tests/catch.h"
#include "tests/fixtures/fixture_list.h"
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

// What a report and a need of memory both rest on.
struct Shape {
  std::uint64_t layers = 0;
  std::optional<std::uint64_t> context;
  std::uint64_t heads = 0, kv_heads = 0, key = 0, value = 0, window = 0;
  bool operator==(const Shape&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Shape& s) {
  return out << s.layers << " layers, context " << s.context.value_or(0) << ", " << s.heads << " heads, " << s.kv_heads
             << " of KV, keys of " << s.key << ", values of " << s.value << ", window " << s.window;
}

Shape reported(const Model& model) {
  const Architecture& a = model.architecture;
  return {.layers = a.layers.value_or(0),
          .context = a.context_length,
          .heads = a.heads.value_or(0),
          .kv_heads = a.kv_heads.value_or(0),
          .key = a.head_size_k.value_or(0),
          .value = a.head_size_v.value_or(0),
          .window = a.sliding_window.value_or(0)};
}

// The largest of the layers, as the report has it.
Shape needed(const Model& source) {
  const auto model = read_run_model(source).value();
  Shape shape{.layers = model.layers.size(), .context = model.trained_context, .window = model.window};
  for (const LayerModel& layer : model.layers) {
    shape.heads = std::max(shape.heads, layer.heads);
    shape.kv_heads = std::max(shape.kv_heads, layer.kv_heads);
    shape.key = std::max(shape.key, layer.key_head);
    shape.value = std::max(shape.value, layer.value_head);
  }
  return shape;
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
  CHECK(model.stacks.stored() == 8);
  for (const LayerModel& layer : model.layers) {
    CHECK(layer.cached);
    CHECK(layer.mixer == Mixer::Attention);
    CHECK(layer.ffn == 6000);  // the tensor's width, in the passes that have no tensors as well
    CHECK((layer.parts & kDense) != 0);
  }
  CHECK(measure(source, {.context = 8192}).need.weights == source.weight_bytes);
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

TEST_CASE("the report and the need of memory speak of the same model", "[memory]") {
  struct Row {
    std::string more;  // beside two layers of width 64 with 8 heads
    Shape expected;
  };
  const Shape plain{.layers = 2, .context = std::nullopt, .heads = 8, .kv_heads = 8, .key = 8, .value = 8};
  const auto with = [&](auto change) {
    Shape shape = plain;
    change(shape);
    return shape;
  };
  const std::vector<Row> rows{
      {R"("vocab_size": 100)", plain},
      {R"("max_position_embeddings": 32)", with([](Shape& s) { s.context = 32; })},
      {R"("max_seq_len": 64)", with([](Shape& s) { s.context = 64; })},
      {R"("model_max_length": 128)", with([](Shape& s) { s.context = 128; })},
      {R"("attn_config": {"head_dim": 7})", with([](Shape& s) { s.key = s.value = 7; })},
      {R"("attn_config": {"kv_n_heads": 2})", with([](Shape& s) { s.kv_heads = 2; })},
      {R"("kv_channels": 16)", with([](Shape& s) { s.key = s.value = 16; })},
      {R"("head_dim": 24, "v_head_dim": 16)", with([](Shape& s) { s.key = 24, s.value = 16; })},
      {R"("multi_query": true, "num_kv_heads": 8)", with([](Shape& s) { s.kv_heads = 1; })},
      {R"("multi_query": true, "num_kv_heads": 4, "new_decoder_architecture": true)",
       with([](Shape& s) { s.kv_heads = 4; })},
      {R"("multi_query_group_num": 2)", with([](Shape& s) { s.kv_heads = 2; })},
      {R"("sliding_window_size": 512)", with([](Shape& s) { s.window = 512; })},
      {R"("sliding_window": 512, "use_sliding_window": false)", plain},
      {R"("n_layers": 2, "layers_block_type": ["attention"])", plain},
  };
  for (const Row& row : rows) {
    CAPTURE(row.more);
    const Model model = from_config(R"({"architectures": ["Gemma3ForCausalLM"], "num_hidden_layers": 2,
        "hidden_size": 64, "num_attention_heads": 8, )" +
                                    row.more + "}");
    CHECK(reported(model) == row.expected);
    CHECK(needed(model) == row.expected);
  }
}

TEST_CASE("latent attention and experts are the same to the report and to the need", "[memory]") {
  const Model latent = from_config(R"({"architectures": ["DeepseekV2ForCausalLM"], "num_hidden_layers": 2,
      "hidden_size": 64, "num_attention_heads": 8, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8,
      "v_head_dim": 12})");
  const auto shape = read_run_model(latent).value();
  CHECK(latent.architecture.head_size_k == 24);
  CHECK(shape.latent_key_head == 24);
  CHECK(latent.architecture.head_size_v == 12);
  CHECK(shape.latent_value_head == 12);
  const Model llama4 = from_config(R"({"architectures": ["Llama4ForCausalLM"], "num_hidden_layers": 2,
      "hidden_size": 64, "num_attention_heads": 8, "num_local_experts": 4, "num_experts_per_tok": 1,
      "intermediate_size": 100, "intermediate_size_mlp": 200})");
  const LayerModel layer = read_run_model(llama4).value().layers.front();
  CHECK(llama4.architecture.feed_forward_length == 200);
  CHECK(layer.ffn == 200);
  CHECK(llama4.architecture.expert_feed_forward_length == 100);
  CHECK(layer.expert_ffn == 100);
}

TEST_CASE("of every fixture the report and the need have the same layers, heads and context", "[memory]") {
  std::size_t compared = 0;
  for (const char* kind : {"file", "set"}) {
    for (const auto& fixture : fixtures::list(WEIGH_TESTDATA, kind)) {
      if (!fixture.good) continue;
      for (Checkpoint& checkpoint : open_checkpoints(std::string(WEIGH_TESTDATA) + "/" + fixture.path).checkpoints) {
        const Model model = describe(std::move(checkpoint));
        const auto shape = read_run_model(model);
        if (!shape || !model.architecture.heads || shape->kv_lora_rank != 0) continue;
        CAPTURE(fixture.path);
        CHECK(reported(model) == needed(model));
        ++compared;
      }
    }
  }
  CHECK(compared >= 10);
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
