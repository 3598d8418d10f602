
#include "tests/catch.h"
#include "tests/model/builder.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

using Number = std::optional<std::uint64_t>;

struct Figures {
  Number layers, context_length, embedding_length, heads, kv_heads, vocab_size;
};

void check(const Architecture& architecture, const Figures& expected) {
  CHECK(architecture.layers == expected.layers);
  CHECK(architecture.context_length == expected.context_length);
  CHECK(architecture.embedding_length == expected.embedding_length);
  CHECK(architecture.heads == expected.heads);
  CHECK(architecture.kv_heads == expected.kv_heads);
  CHECK(architecture.vocab_size == expected.vocab_size);
}

}  // namespace

TEST_CASE("the architecture of a GGUF") {
  const KeySpec name{"general.architecture", {}, "x"};
  const KeySpec blocks{"x.block_count", {2}}, context{"x.context_length", {4096}}, width{"x.embedding_length", {64}};
  const KeySpec heads{"x.attention.head_count", {8}}, kv_heads{"x.attention.head_count_kv", {2}};
  const KeySpec tokens{"tokenizer.ggml.tokens", {}, {}, 500};
  const std::vector<TensorSpec> embedding = {{"token_embd.weight", Dtype::F16, {512, 64}},
                                             {"blk.0.attn_q.weight", Dtype::F16, {64, 64}}};
  struct Row {
    std::string_view name;
    std::vector<KeySpec> keys;
    Figures expected;
    std::vector<std::uint64_t> per_layer = {};
  };
  const std::vector<Row> rows = {
      {"all keys",
       {name, blocks, context, width, heads, kv_heads, {"x.vocab_size", {400}}, tokens},
       {2, 4096, 64, 8, 2, 400}},
      {"vocabulary by its tokens", {name, blocks, context, width, heads, kv_heads, tokens}, {2, 4096, 64, 8, 2, 500}},
      {"vocabulary by the embedding's rows", {name, blocks, context, width, heads, kv_heads}, {2, 4096, 64, 8, 2, 512}},
      {"KV heads as many as heads", {name, blocks, context, width, heads}, {2, 4096, 64, 8, 8, 512}},
      {"per layer, none in the first",
       {name, blocks, context, width, heads, {"x.attention.head_count_kv", {0, 4}}},
       {2, 4096, 64, 8, 4, 512},
       {0, 4}},
      {"per layer, all alike",
       {name, blocks, context, width, heads, {"x.attention.head_count_kv", {4, 4}}},
       {2, 4096, 64, 8, 4, 512}},
      {"no attention, as stated",
       {name, blocks, context, width, {"x.attention.head_count", {0}}},
       {2, 4096, 64, 0, 0, 512}},
      {"no keys but the name", {name}, {1, {}, 64, {}, {}, 512}},
      {"no keys at all", {}, {1, {}, 64, {}, {}, 512}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Architecture architecture = describe(gguf(embedding, row.keys)).architecture;
    CHECK(architecture.name == (row.keys.empty() ? std::nullopt : std::optional<std::string>("x")));
    CHECK(architecture.kv_heads_per_layer == row.per_layer);
    check(architecture, row.expected);
  }
}

TEST_CASE("the architecture of a checkpoint with or without config") {
  const std::vector<TensorSpec> tensors = {{"model.embed_tokens.weight", Dtype::BF16, {512, 64}},
                                           {"model.layers.0.self_attn.q_proj.weight", Dtype::BF16, {64, 64}},
                                           {"model.layers.1.self_attn.q_proj.weight", Dtype::BF16, {64, 64}},
                                           {"vision_tower.encoder.layers.7.w.weight", Dtype::BF16, {4, 4}}};
  struct Row {
    std::string_view name, config;
    Figures expected;
  };
  const std::vector<Row> rows = {
      {"llama",
       R"({"num_hidden_layers": 3, "hidden_size": 32, "num_attention_heads": 8, "num_key_value_heads": 2,
                    "max_position_embeddings": 4096, "vocab_size": 500})",
       {3, 4096, 32, 8, 2, 500}},
      {"gpt2's names",
       R"({"n_layer": 3, "n_embd": 32, "n_head": 8, "n_positions": 1024, "vocab_size": 500})",
       {3, 1024, 32, 8, 8, 500}},
      {"params.json",
       R"({"n_layers": 3, "dim": 32, "n_heads": 8, "n_kv_heads": 2, "vocab_size": 500, "max_seq_len": 99})",
       {3, 99, 32, 8, 2, 500}},
      {"under text_config, beside a tower's",
       R"({"text_config": {"num_hidden_layers": 3, "hidden_size": 32, "num_attention_heads": 8, "vocab_size": 500},
           "vision_config": {"num_hidden_layers": 27, "max_position_embeddings": 7}})",
       {3, {}, 32, 8, 8, 500}},
      {"under thinker_config.text_config",
       R"({"thinker_config": {"text_config": {"hidden_size": 32}}})",
       {2, {}, 32, {}, {}, 512}},
      {"falcon with one KV head",
       R"({"num_attention_heads": 71, "num_kv_heads": 71, "multi_query": true})",
       {2, {}, 64, 71, 1, 512}},
      {"falcon's newer form",
       R"({"num_attention_heads": 232, "num_kv_heads": 8, "multi_query": true, "new_decoder_architecture": true})",
       {2, {}, 64, 232, 8, 512}},
      {"chatglm",
       R"({"num_layers": 28, "num_attention_heads": 32, "multi_query_group_num": 2, "seq_length": 8192})",
       {28, 8192, 64, 32, 2, 512}},
      {"dbrx", R"({"n_layers": 40, "n_heads": 48, "attn_config": {"kv_n_heads": 8}})", {40, {}, 64, 48, 8, 512}},
      {"nulls and nonsense are absent",
       R"({"num_hidden_layers": null, "n_layer": 3, "hidden_size": "wide", "vocab_size": -5, "num_attention_heads": []})",
       {3, {}, 64, {}, {}, 512}},
      {"no config: what the shapes tell", "", {2, {}, 64, {}, {}, 512}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    check(describe(safetensors(tensors, row.config)).architecture, row.expected);
  }
}

TEST_CASE("the architecture's name is the family, else the class") {
  const std::vector<TensorSpec> none;
  const auto name = [&](std::string_view config) { return describe(safetensors(none, config)).architecture.name; };
  CHECK(name(R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"]})") == "llama");
  CHECK(name(R"({"architectures": ["LlamaForCausalLM"]})") == "LlamaForCausalLM");
  CHECK(name(R"({"architectures": [7], "model_type": 3})") == std::nullopt);
}

TEST_CASE("a packed embedding tells its width by its parameters") {
  const Model model = describe(safetensors({{"model.embed_tokens.weight", Dtype::U32, {512, 8}},
                                            {"model.embed_tokens.scales", Dtype::BF16, {512, 1}},
                                            {"model.embed_tokens.biases", Dtype::BF16, {512, 1}}},
                                           R"({"quantization": {"bits": 4, "group_size": 64}})"));
  CHECK(model.architecture.embedding_length == 64);
  CHECK(model.architecture.vocab_size == 512);
}

TEST_CASE("what a GGUF states beyond its dimensions") {
  const auto text = [](std::string key, std::string value) { return KeySpec{std::move(key), {}, std::move(value)}; };
  const std::vector<KeySpec> keys = {text("general.architecture", "x"),
                                     text("general.license", "apache-2.0"),
                                     text("general.base_model.0.repo_url", "https://example.org/base"),
                                     text("tokenizer.ggml.model", "gpt2"),
                                     text("tokenizer.ggml.pre", "llama-bpe"),
                                     text("tokenizer.chat_template", "{{ messages }}"),
                                     text("x.rope.scaling.type", "yarn"),
                                     {"x.rope.scaling.original_context_length", {4096}},
                                     {"x.embedding_length", {64}},
                                     {"x.attention.head_count", {8}},
                                     {"x.attention.key_length", {576}},
                                     {"x.attention.value_length", {512}},
                                     {"x.attention.key_length_mla", {192}},
                                     {"x.attention.value_length_mla", {128}},
                                     {"x.attention.sliding_window", {1024}},
                                     {"x.attention.sliding_window_pattern", {1, 1, 1, 0}},
                                     {"x.feed_forward_length", {0, 256, 128}},
                                     {"x.expert_feed_forward_length", {32}},
                                     {"x.nextn_predict_layers", {1}}};
  const Architecture a = describe(gguf({}, keys)).architecture;
  CHECK(a.license == "apache-2.0");
  CHECK(a.base_model == "https://example.org/base");
  CHECK(a.tokenizer == "gpt2 (llama-bpe)");
  CHECK(a.chat_template);
  CHECK(a.rope_scaling == "yarn");
  CHECK(a.original_context_length == 4096);
  CHECK(a.head_size_k == 192);
  CHECK(a.head_size_v == 128);
  CHECK(a.sliding_window == 1024);
  CHECK(a.sliding_layers == 3);
  CHECK_FALSE(a.sliding_window_pattern);
  CHECK(a.feed_forward_length == 256);
  CHECK(a.expert_feed_forward_length == 32);
  CHECK(a.prediction_layers == 1);
  CHECK_FALSE(a.tied_embeddings);

  const Architecture bare = describe(gguf({}, {{"general.architecture", {}, "x"},
                                               {"x.embedding_length", {64}},
                                               {"x.attention.head_count", {8}},
                                               {"x.attention.sliding_window", {0}},
                                               {"x.attention.sliding_window_pattern", {6}},
                                               {"x.expert_count", {4}},
                                               {"x.feed_forward_length", {96}}}))
                                .architecture;
  CHECK(bare.head_size_k == 8);
  CHECK(bare.head_size_v == 8);
  CHECK_FALSE(bare.sliding_window);
  CHECK_FALSE(bare.sliding_window_pattern);
  CHECK(bare.expert_feed_forward_length == 96);
  CHECK_FALSE(bare.chat_template);
  CHECK_FALSE(bare.tokenizer);
  CHECK_FALSE(bare.license);
}

TEST_CASE("what a config states beyond its dimensions") {
  const auto read = [](std::string_view config) {
    return describe(safetensors(std::vector<TensorSpec>{}, config)).architecture;
  };
  const Architecture latent = read(R"({"qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
      "moe_intermediate_size": 1408, "intermediate_size": 10944, "num_nextn_predict_layers": 1,
      "rope_theta": 10000, "rope_scaling": {"type": "yarn", "original_max_position_embeddings": 4096}})");
  CHECK(latent.head_size_k == 192);
  CHECK(latent.head_size_v == 128);
  CHECK(latent.feed_forward_length == 10944);
  CHECK(latent.expert_feed_forward_length == 1408);
  CHECK(latent.prediction_layers == 1);
  CHECK(latent.original_context_length == 4096);
  CHECK(latent.rope_scaling == "yarn");
  CHECK(*latent.rope_base == Approx(10000));

  const Architecture window = read(R"({"text_config": {"head_dim": 256, "sliding_window": 1024,
      "layer_types": ["sliding_attention", "sliding_attention", "full_attention"]}})");
  CHECK(window.head_size_v == 256);
  CHECK(window.sliding_window == 1024);
  CHECK(window.sliding_layers == 2);
  CHECK(read(R"({"sliding_window": 1024, "sliding_window_pattern": 6})").sliding_window_pattern == 6);
  CHECK_FALSE(read(R"({"sliding_window": 1024, "use_sliding_window": false})").sliding_window);
  CHECK_FALSE(read(R"({"sliding_window": null})").sliding_window);
  CHECK(read(R"({"num_local_experts": 8, "intermediate_size": 96})").expert_feed_forward_length == 96);
  CHECK_FALSE(read(R"({"num_local_experts": 0, "intermediate_size": 96})").expert_feed_forward_length);

  Checkpoint chat = safetensors({});
  chat.tokenizer_config = json(R"({"tokenizer_class": "LlamaTokenizer", "chat_template": "{{ messages }}"})");
  const Architecture spoken = describe(std::move(chat)).architecture;
  CHECK(spoken.tokenizer == "LlamaTokenizer");
  CHECK(spoken.chat_template);
}

TEST_CASE("a head tied to the embedding is counted once") {
  const TensorSpec embedding{"model.embed_tokens.weight", Dtype::BF16, {100, 8}};
  const TensorSpec head{"lm_head.weight", Dtype::BF16, {100, 8}};
  const TensorSpec block{"model.layers.0.self_attn.q_proj.weight", Dtype::BF16, {8, 8}};
  const std::string_view tied = R"({"tie_word_embeddings": true})", untied = R"({"tie_word_embeddings": false})";
  struct Row {
    std::string_view name;
    std::vector<TensorSpec> tensors;
    std::string_view config;
    std::optional<bool> tied;
    std::uint64_t total;
    std::vector<std::string> codes = {};
  };
  const std::vector<Row> rows = {
      {"no head", {embedding, block}, "{}", true, 864},
      {"no head, as stated", {embedding, block}, tied, true, 864},
      {"a head", {embedding, block, head}, "{}", false, 1664},
      {"a head, as stated", {embedding, block, head}, untied, false, 1664},
      {"tied and stored all the same", {embedding, block, head}, tied, true, 864, {"tied-head-stored"}},
      {"stated tied, but of another shape",
       {embedding, block, {"lm_head.weight", Dtype::BF16, {120, 8}}},
       tied,
       false,
       1824},
      {"a classifier", {embedding, block, {"score.weight", Dtype::BF16, {1, 8}}}, untied, false, 872},
      {"no embedding", {block}, "{}", std::nullopt, 64},
      {"an encoder", {embedding, {"encoder.layer.0.output.dense.weight", Dtype::BF16, {8, 8}}}, "{}", {}, 864},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Model model = describe(safetensors(row.tensors, row.config));
    CHECK(model.architecture.tied_embeddings == row.tied);
    CHECK(model.total_parameters == row.total);
    CHECK(codes(model) == row.codes);
  }
}
