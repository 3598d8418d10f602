#include "src/memory/training/training.h"

#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "src/memory/training/activations.h"
#include "tests/catch.h"
#include "tests/model/builder.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

RunModel shape(std::uint64_t hidden, const LayerModel& layer) {
  RunModel model;
  model.embedding = hidden;
  model.rope_dimensions = layer.mixer == Mixer::Latent ? 64 : 0;
  model.layers = {layer};
  return model;
}

LayerModel attention(std::uint64_t heads, std::uint64_t kv_heads, std::uint64_t head, std::uint64_t ffn) {
  LayerModel layer;
  layer.heads = heads;
  layer.kv_heads = kv_heads;
  layer.key_head = layer.value_head = head;
  layer.ffn = ffn;
  return layer;
}

// One value that the way back needs of each token.
struct Kept {
  const char* what;
  std::uint64_t values;
  std::uint64_t bytes = 2;
};

std::uint64_t sum(const std::vector<Kept>& operations) {
  std::uint64_t bytes = 0;
  for (const Kept& kept : operations) bytes += kept.values * kept.bytes;
  return bytes;
}

Model llama(const std::vector<TensorSpec>& more, const std::string& keys = {}) {
  std::vector<TensorSpec> tensors{{"model.embed_tokens.weight", Dtype::BF16, {1000, 64}},
                                  {"model.layers.0.input_layernorm.weight", Dtype::BF16, {64}},
                                  {"model.layers.0.self_attn.q_proj.weight", Dtype::BF16, {64, 64}},
                                  {"model.layers.0.mlp.down_proj.weight", Dtype::BF16, {64, 256}},
                                  {"model.norm.weight", Dtype::BF16, {64}}};
  tensors.insert(tensors.end(), more.begin(), more.end());
  return describe(
      safetensors(tensors, R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64,
                   "num_hidden_layers": 1, "num_attention_heads": 4, "intermediate_size": 256, "vocab_size": 1000,
                   "max_position_embeddings": 512, "tie_word_embeddings": true)" +
                               keys + "}"));
}

}  // namespace

TEST_CASE("what a layer keeps is what its operations keep", "[training]") {
  LayerModel llama_8b = attention(32, 8, 128, 14336);
  LayerModel gpt = attention(16, 16, 64, 4096);
  LayerModel qwen3 = attention(16, 8, 128, 3072);
  qwen3.parts = kHeadNorms;
  LayerModel mixtral = attention(32, 8, 128, 14336);
  mixtral.experts = 8;
  mixtral.experts_used = 2;
  mixtral.expert_ffn = 14336;
  LayerModel deepseek = attention(16, 1, 576, 0);
  deepseek.mixer = Mixer::Latent;
  deepseek.latent = {512, 192, 128};
  deepseek.experts = 64;
  deepseek.experts_used = 6;
  deepseek.expert_ffn = 1408;
  deepseek.shared_ffn = 2816;
  const BlockLayers dense{.dense_ffn = 3ULL * 4096 * 14336};
  const BlockLayers ungated{.layer_norms = true, .dense_ffn = 2ULL * 1024 * 4096};
  const BlockLayers small{.dense_ffn = 3ULL * 1024 * 3072};
  const BlockLayers routed{.routed = 1};
  struct Row {
    const char* name;
    std::uint64_t hidden;
    LayerModel layer;
    const BlockLayers* block;
    std::vector<Kept> operations;
  };
  const std::vector<Row> rows{
      {"Llama 3.1 8B: grouped queries, gated",
       4096,
       llama_8b,
       &dense,
       {{"input norm's input, in 32 bits", 4096, 4},
        {"what it is scaled to", 4096},
        {"input of q, k and v", 4096},
        {"queries", 4096},
        {"keys", 1024},
        {"values", 1024},
        {"input of the output projection", 4096},
        {"mask", 4096, 1},
        {"norm's input, in 32 bits", 4096, 4},
        {"what it is scaled to", 4096},
        {"input of gate and up", 4096},
        {"gate", 14336},
        {"activated gate", 14336},
        {"up", 14336},
        {"input of down", 14336},
        {"mask", 4096, 1}}},
      {"GPT-2 medium: the paper's 34h",
       1024,
       gpt,
       &ungated,
       {{"input norm's input", 1024},
        {"input of q, k and v", 1024},
        {"queries", 1024},
        {"keys", 1024},
        {"values", 1024},
        {"input of the output projection", 1024},
        {"mask", 1024, 1},
        {"norm's input", 1024},
        {"input of the first matrix", 1024},
        {"input of GELU", 4096},
        {"input of the second", 4096},
        {"mask", 1024, 1}}},
      {"Qwen3 0.6B: norms of heads, heads wider than the model",
       1024,
       qwen3,
       &small,
       {{"norms' inputs, in 32 bits", 2048, 4},
        {"what they are scaled to", 2048},
        {"input of q, k and v", 1024},
        {"queries and keys before their norms, in 32 bits", 3072, 4},
        {"what they are scaled to", 3072},
        {"queries", 2048},
        {"keys", 1024},
        {"values", 1024},
        {"result", 2048},
        {"mask", 1024, 1},
        {"input of gate and up", 1024},
        {"gate, activated, up, product", 4 * 3072},
        {"mask", 1024, 1}}},
      {"Mixtral 8x7B: two of eight experts",
       4096,
       mixtral,
       &routed,
       {{"norms' inputs, in 32 bits", 8192, 4},
        {"what they are scaled to", 8192},
        {"input of q, k and v", 4096},
        {"queries, keys, values", 4096 + 1024 + 1024},
        {"result", 4096},
        {"mask", 4096, 1},
        {"router's input", 4096},
        {"router's logits", 8},
        {"router's soft max", 8, 4},
        {"inputs of two experts", 8192},
        {"four products of two", 8 * 14336},
        {"results of two", 8192}}},
      {"DeepSeek V2 Lite: latent attention, shared experts",
       2048,
       deepseek,
       &routed,
       {{"norms' inputs, in 32 bits", 4096, 4},
        {"what they are scaled to", 4096},
        {"input", 2048},
        {"low rank in 32 bits", 512, 4},
        {"what it is scaled to, and its norm", 1024},
        {"rotated part", 64},
        {"second product", 16 * (128 + 128)},
        {"queries and keys", 2 * 16 * 192},
        {"result", 16 * 128},
        {"mask", 2048, 1},
        {"router's input", 2048},
        {"router's logits", 64},
        {"router's soft max", 64, 4},
        {"inputs and results of six", 12 * 2048},
        {"four products of six", 24 * 1408},
        {"four of the shared", 4 * 2816}}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(layer_bytes_per_token(shape(row.hidden, row.layer), row.layer, row.block) == sum(row.operations));
  }
  CHECK(sum(rows[1].operations) == 34 * 1024);
  mixtral.experts_used = 0;
  CHECK_FALSE(layer_bytes_per_token(shape(4096, mixtral), mixtral, &routed));
}

TEST_CASE("a layer that is no attention is counted by its matrices", "[training]") {
  LayerModel mamba;
  mamba.mixer = Mixer::Mamba;
  mamba.recurrent = true;
  const BlockLayers block{.mixer_sides = 5000};
  CHECK(layer_bytes_per_token(shape(64, mamba), mamba, &block) == 2 * 6 * 64 + 5000);
}

TEST_CASE("linear layers are known however they are stored", "[training]") {
  struct Row {
    const char* name;
    std::vector<std::uint64_t> stored;
    std::uint64_t parameters;
    Role role;
    bool unpacked;
    std::uint64_t count, in, out;
  };
  const std::vector<Row> rows{
      {"q.weight", {1024, 4096}, 1024 * 4096, Role::AttentionK, false, 1, 4096, 1024},
      {"q.bias", {1024}, 1024, Role::AttentionK, false, 0, 0, 0},
      {"conv1d.weight", {5120, 1, 4}, 20480, Role::StateSpace, false, 0, 0, 0},
      {"A_log", {5120, 16}, 81920, Role::StateSpace, false, 0, 0, 0},
      {"norm.weight", {64, 64}, 4096, Role::Norm, false, 0, 0, 0},
      {"gptq.qweight", {512, 1024}, 1024 * 4096, Role::AttentionK, true, 1, 4096, 1024},
      {"awq.qweight", {4096, 128}, 1024 * 4096, Role::AttentionK, true, 1, 4096, 1024},
      {"nf4.weight", {2097152, 1}, 1024 * 4096, Role::AttentionK, true, 1, 4096, 1024},
      {"no side of the model's width", {24, 300}, 2400 * 3, Role::AttentionMla, true, 1, 300, 24},
      {"experts.gate_up_proj", {32, 4096, 5760}, 32ULL * 4096 * 5760, Role::RoutedExpert, false, 32, 4096, 5760},
      {"experts.gate_up_blocks", {32, 5760, 128, 16}, 32ULL * 4096 * 5760, Role::RoutedExpert, true, 32, 4096, 5760},
      {"experts.0.w1.weight", {14336, 4096}, 14336 * 4096, Role::RoutedExpert, false, 1, 4096, 14336},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Tensor tensor;
    tensor.name = row.name;
    tensor.shape = row.stored;
    TensorFacts facts;
    facts.tensor = &tensor;
    facts.parameters = row.parameters;
    facts.role = row.role;
    facts.routed_expert = row.role == Role::RoutedExpert;
    facts.unpacked = row.unpacked;
    const LinearLayer linear = linear_layer(facts, 4096);
    CHECK(linear.count == row.count);
    CHECK(linear.in + linear.out == row.in + row.out);
  }
}

TEST_CASE("optimizers have the bytes and the names of docs/training.md", "[training]") {
  std::ifstream file(WEIGH_SOURCE "/docs/training.md");
  std::stringstream text;
  text << file.rdbuf();
  std::set<std::string_view> names;
  for (const Optimizer& row : optimizers()) {
    CAPTURE(row.name);
    CHECK(names.insert(row.name).second);
    CHECK(find_optimizer(row.name) == &row);
    if (!row.alias.empty()) CHECK(find_optimizer(row.alias) == &row);
    const std::string states = row.factored ? "" : std::to_string(row.state) + " ";
    const std::uint64_t all = row.weight + row.gradient + row.master + row.state;
    const std::string line = "| `" + std::string(row.name) + "` | " + std::to_string(row.weight) + " | " +
                             std::to_string(row.gradient) + " | " + std::to_string(row.master) + " | " + states + "| " +
                             std::to_string(all) + " |";
    CHECK(text.str().find(line) != std::string::npos);
    // 8 bits: a scale of 4 bytes for each block of 2048 in each state.
    const StateBytes bytes = state_bytes(4096, 10, 0, {.optimizer = &row});
    CHECK(bytes.weights + bytes.gradients + bytes.optimizer_states ==
          4096 * all + row.scaled_states * 2 * 4 + (row.factored ? 40 : 0));
  }
  CHECK(find_optimizer("ADAMW_BNB_8BIT") == find_optimizer("adamw-8bit"));
  CHECK(find_optimizer("adam w") == nullptr);
  CHECK(find_optimizer("") == nullptr);
}

TEST_CASE("what is trained, frozen and packed adds up", "[training]") {
  const Model model = llama({});
  const TrainedModel trained(model);
  const std::uint64_t linear = 64 * 64 + 64 * 256;
  const std::uint64_t all = 1000 * 64 + 2 * 64 + linear;
  const TrainingNeed full = trained.need({});
  CHECK(full.trained_parameters == all);
  CHECK(full.weights == 2 * all);
  CHECK(full.gradients == 2 * all);
  CHECK(full.optimizer_states == 12 * all);
  CHECK(full.logits == 512ULL * 1000 * 12);  // the model was made for 512 tokens
  const std::uint64_t adapters = 16 * ((64 + 64) + (64 + 256));
  const TrainingNeed lora = trained.need({.recipe = Recipe::Lora});
  CHECK(lora.trained_parameters == adapters);
  CHECK(lora.weights == 2 * all + 2 * adapters);
  CHECK(lora.optimizer_states == 12 * adapters);
  const TrainingNeed qlora = trained.need({.recipe = Recipe::Qlora, .sequences = 3});
  CHECK(qlora.weights == linear / 2 + linear / 64 + 4 * 2 + 2 * (all - linear) + 2 * adapters);
  CHECK(qlora.logits == 3 * *full.logits);
  // Rows and columns of every matrix, values of every vector; of an adapter those of both of its matrices.
  CHECK(trained.need({.optimizer = find_optimizer("adafactor")}).optimizer_states ==
        4 * all + 4 * ((1000 + 64) + 2 * 64 + (64 + 64) + (64 + 256)));
  CHECK(trained.need({.recipe = Recipe::Lora, .optimizer = find_optimizer("adafactor")}).optimizer_states ==
        4 * adapters + 4 * ((64 + 64) + (64 + 256) + 2 * 2 * 16));
  const TrainingNeed two = times(full, 2);
  CHECK(two.total() == 2 * full.total());
  CHECK(two.trained_parameters == full.trained_parameters);
}

TEST_CASE("a copy of tied embeddings and multi-token prediction are not trained", "[training]") {
  const std::uint64_t alone = TrainedModel(llama({})).need({}).trained_parameters;
  CHECK(TrainedModel(llama({{"lm_head.weight", Dtype::BF16, {1000, 64}}})).need({}).trained_parameters == alone);
  const Model predicting = llama({{"mtp.layers.0.mlp.up_proj.weight", Dtype::BF16, {256, 64}}});
  REQUIRE(predicting.prediction);
  CHECK(TrainedModel(predicting).need({}).trained_parameters == alone);
}

TEST_CASE("what cannot be trained says so", "[training]") {
  const std::string fp8 = R"(, "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]})";
  const std::vector<TensorSpec> packed{{"model.layers.0.mlp.up_proj.weight", Dtype::F8_E4M3, {256, 64}},
                                       {"model.layers.0.mlp.up_proj.weight_scale_inv", Dtype::F32, {2, 1}}};
  const Model plain = llama({});
  const Model quantized = llama(packed, fp8);
  const Model file = describe(
      gguf({{"token_embd.weight", Dtype::F16, {1000, 64}}}, {{.key = "general.architecture", .text = "llama"}}));
  struct Row {
    const Model* model;
    Recipe recipe;
    const char* says;  // empty: it is trained
  };
  const std::vector<Row> rows{{&plain, Recipe::Full, ""},
                              {&plain, Recipe::Qlora, ""},
                              {&quantized, Recipe::Full, "weights in fp8 are not trained in full"},
                              {&quantized, Recipe::Lora, ""},
                              {&quantized, Recipe::Qlora, "this one is in fp8"},
                              {&file, Recipe::Lora, "training starts from the safetensors checkpoint"}};
  for (const Row& row : rows) {
    const auto why = not_trained(*row.model, row.recipe);
    CAPTURE(row.says, why.value_or(""));
    CHECK(why.has_value() == !std::string(row.says).empty());
    CHECK(why.value_or("").find(row.says) != std::string::npos);
  }
  CHECK(TrainedModel(quantized).need({.recipe = Recipe::Lora}).weights > quantized.weight_bytes);
  CHECK(TrainedModel(file).refusal(Recipe::Lora));
}

TEST_CASE("figures too large to count stay at the largest", "[training]") {
  const TrainedModel trained(llama({}));
  const TrainingSettings huge{.recipe = Recipe::Lora,
                              .rank = kMost,
                              .sequences = kMost,
                              .tokens = kMost,
                              .eager_attention = true,
                              .sharding = Sharding::Zero3};
  CHECK(trained.need(huge).total() == kMost);
  CHECK(state_bytes(kMost, kMost, kMost, {}).optimizer_states == kMost);
  CHECK(nf4_bytes(kMost) > kMost / 2);
  const LayerModel wide = attention(kMost, kMost, kMost, kMost);
  CHECK(layer_bytes_per_token(shape(kMost, wide), wide, nullptr) == kMost);
  CHECK(state_bytes(10, 0, 0, {.sharding = Sharding::Zero3, .devices = 0}).weights == 20);
}
