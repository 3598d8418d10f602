
#include "tests/catch.h"
#include "tests/model/builder.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

using Shape = std::vector<std::uint64_t>;

// The small model behind every family: hidden 8, expert width 4, 6 experts of which 2 work, 2 layers. One expert of
// three matrices is 96 parameters, of two 64.
constexpr std::uint64_t kHidden = 8, kWidth = 4, kExperts = 6, kLayers = 2;

struct FamilyRow {
  std::string_view family;
  std::string_view block;               // before the layer number
  std::vector<std::string> per_expert;  // behind the block, {} stands for the expert's number
  std::vector<TensorSpec> per_layer;    // stacked tensors, router, shared experts
  std::string_view config;
  std::uint64_t shared = 0;
  std::uint64_t matrices = 3;
  std::uint64_t biases = 0;  // routed, per expert
};

std::string with_number(std::string text, std::uint64_t number) {
  const std::size_t at = text.find("{}");
  return text.replace(at, 2, std::to_string(number));
}

std::vector<TensorSpec> tensors_of(const FamilyRow& row) {
  std::vector<TensorSpec> tensors = {{"embed_tokens.weight", Dtype::BF16, {100, kHidden}}};
  for (std::uint64_t layer = 0; layer < kLayers; ++layer) {
    const std::string block = std::string(row.block) + std::to_string(layer) + ".";
    for (std::uint64_t expert = 0; expert < kExperts; ++expert) {
      for (const std::string& name : row.per_expert) {
        tensors.push_back({block + with_number(name, expert), Dtype::BF16, {kWidth, kHidden}});
      }
    }
    for (TensorSpec tensor : row.per_layer) {
      tensor.name = block + tensor.name;
      tensors.push_back(tensor);
    }
  }
  return tensors;
}

TensorSpec router(std::string name) { return {std::move(name), Dtype::BF16, {kExperts, kHidden}}; }
TensorSpec plain(std::string name) { return {std::move(name), Dtype::BF16, {kWidth, kHidden}}; }
TensorSpec up(std::string name) { return {std::move(name), Dtype::BF16, {kExperts, kHidden, 2 * kWidth}}; }
TensorSpec down(std::string name) { return {std::move(name), Dtype::BF16, {kExperts, kWidth, kHidden}}; }
TensorSpec flat(std::string name) { return {std::move(name), Dtype::BF16, {kExperts * kWidth, kHidden}}; }

std::vector<std::string> named(const std::string& before, std::initializer_list<std::string_view> matrices) {
  std::vector<std::string> names;
  for (const std::string_view matrix : matrices) names.push_back(before + ".{}." + std::string(matrix) + ".weight");
  return names;
}

const std::vector<FamilyRow>& families() {
  static const std::string_view used = R"({"num_local_experts": 6, "num_experts_per_tok": 2})";
  static const std::vector<FamilyRow> rows = {
      {"mixtral",
       "model.layers.",
       named("block_sparse_moe.experts", {"w1", "w2", "w3"}),
       {router("block_sparse_moe.gate.weight")},
       used},
      {"minimax_m2",
       "model.layers.",
       named("block_sparse_moe.experts", {"w1", "w2", "w3"}),
       {router("block_sparse_moe.gate.weight"), {"block_sparse_moe.e_score_correction_bias", Dtype::F32, {kExperts}}},
       used},
      {"arctic, a dense branch beside",
       "model.layers.",
       named("block_sparse_moe.experts", {"w1", "w2", "w3"}),
       {router("block_sparse_moe.gate.weight"), plain("residual_mlp.w1.weight")},
       used},
      {"kimi_linear",
       "model.layers.",
       named("block_sparse_moe.experts", {"w1", "w2", "w3"}),
       {router("block_sparse_moe.gate.weight"), plain("block_sparse_moe.shared_experts.w1.weight")},
       R"({"num_experts": 6, "num_experts_per_token": 2, "num_shared_experts": 1})",
       1},
      {"qwen2_moe",
       "model.layers.",
       named("mlp.experts", {"gate_proj", "up_proj", "down_proj"}),
       {router("mlp.gate.weight"),
        plain("mlp.shared_expert.up_proj.weight"),
        {"mlp.shared_expert_gate.weight", Dtype::BF16, {1, kHidden}}},
       R"({"num_experts": 6, "num_experts_per_tok": 2, "shared_expert_intermediate_size": 16})",
       1},
      {"qwen3_5_moe under language_model",
       "model.language_model.layers.",
       named("mlp.experts", {"gate_proj", "up_proj", "down_proj"}),
       {router("mlp.gate.weight")},
       R"({"text_config": {"num_experts": 6, "num_experts_per_tok": 2}})"},
      {"deepseek_v3",
       "model.layers.",
       named("mlp.experts", {"gate_proj", "up_proj", "down_proj"}),
       {router("mlp.gate.weight"),
        plain("mlp.shared_experts.up_proj.weight"),
        {"mlp.gate.e_score_correction_bias", Dtype::F32, {kExperts}}},
       R"({"n_routed_experts": 6, "num_experts_per_tok": 2, "n_shared_experts": 2})",
       2},
      {"deepseek_v4",
       "layers.",
       named("ffn.experts", {"w1", "w2", "w3"}),
       {router("ffn.gate.weight"), plain("ffn.shared_experts.w1.weight"), {"ffn.gate.tid2eid", Dtype::I64, {100, 2}}},
       R"({"n_routed_experts": 6, "num_experts_per_tok": 2, "n_shared_experts": 1})",
       1},
      {"bailing_moe",
       "model.layers.",
       named("mlp.experts", {"gate_proj", "up_proj", "down_proj"}),
       {router("mlp.gate.weight"), {"mlp.gate.expert_bias", Dtype::F32, {kExperts}}},
       used},
      {"ernie4_5_moe",
       "model.layers.",
       named("mlp.experts", {"gate_proj", "up_proj", "down_proj"}),
       {router("mlp.gate.weight"),
        {"mlp.moe_statics.e_score_correction_bias", Dtype::F32, {1, kExperts}},
        plain("mlp.shared_experts.up_proj.weight")},
       R"({"moe_num_experts": 6, "moe_k": 2, "moe_num_shared_experts": 2})",
       2},
      {"hunyuan_v1_moe",
       "model.layers.",
       named("mlp.experts", {"gate_proj", "up_proj", "down_proj"}),
       {router("mlp.gate.wg.weight"), plain("mlp.shared_mlp.up_proj.weight")},
       R"({"num_experts": 6, "moe_topk": [2, 2], "num_shared_expert": [1, 1]})",
       1},
      {"afmoe",
       "model.layers.",
       named("mlp.experts", {"gate_proj", "up_proj", "down_proj"}),
       {router("mlp.router.gate.weight"),
        {"mlp.expert_bias", Dtype::F32, {kExperts}},
        plain("mlp.shared_experts.up_proj.weight")},
       R"({"num_experts": 6, "num_experts_per_tok": 2, "num_shared_experts": 1})",
       1},
      {"jamba",
       "model.layers.",
       named("feed_forward.experts", {"gate_proj", "up_proj", "down_proj"}),
       {router("feed_forward.router.weight")},
       used},
      {"older jamba",
       "model.layers.",
       named("moe.experts", {"gate_proj", "up_proj", "down_proj"}),
       {router("moe.router.weight")},
       used},
      {"lfm2_moe",
       "model.layers.",
       named("feed_forward.experts", {"w1", "w2", "w3"}),
       {router("feed_forward.gate.weight"), {"feed_forward.expert_bias", Dtype::F32, {kExperts}}},
       used},
      {"nemotron_h, two matrices",
       "backbone.layers.",
       named("mixer.experts", {"up_proj", "down_proj"}),
       {router("mixer.gate.weight"), plain("mixer.shared_experts.up_proj.weight"),
        plain("mixer.fc1_latent_proj.weight")},
       R"({"n_routed_experts": 6, "num_experts_per_tok": 2, "n_shared_experts": 1})",
       1,
       2},
      {"smallthinker",
       "model.layers.",
       named("block_sparse_moe.experts", {"gate", "up", "down"}),
       {router("block_sparse_moe.primary_router.weight")},
       R"({"moe_num_primary_experts": 6, "moe_num_active_primary_experts": 2})"},
      {"mistral large 3, own form",
       "layers.",
       named("experts", {"w1", "w2", "w3"}),
       {router("gate.weight"), plain("shared_experts.w1.weight")},
       R"({"moe": {"num_experts": 6, "num_experts_per_tok": 2}})",
       1},
      {"mixtral, own form",
       "layers.",
       named("feed_forward.experts", {"w1", "w2", "w3"}),
       {router("feed_forward.gate.weight")},
       R"({"moe": {"num_experts": 6, "num_experts_per_tok": 2}})"},
      {"gemma4 as re-saved, experts under the layer",
       "model.language_model.layers.",
       named("experts", {"gate_proj", "up_proj", "down_proj"}),
       {router("router.proj.weight"),
        {"router.scale", Dtype::BF16, {kHidden}},
        {"router.per_expert_scale", Dtype::BF16, {kExperts}},
        plain("mlp.up_proj.weight")},
       R"({"text_config": {"num_experts": 6, "top_k_experts": 2}})"},
      {"grok-1",
       "transformer.decoder_layer.",
       named("moe", {"linear", "linear_v", "linear_1"}),
       {router("router.weight")},
       used},
      {"switch_transformers",
       "encoder.block.",
       {"layer.1.mlp.experts.expert_{}.wi.weight", "layer.1.mlp.experts.expert_{}.wo.weight"},
       {router("layer.1.mlp.router.classifier.weight")},
       R"({"num_experts": 6, "num_experts_per_tok": 2})",
       0,
       2},
      {"nllb-moe, used by architecture",
       "model.decoder.layers.",
       {"ffn.experts.expert_{}.fc1.weight", "ffn.experts.expert_{}.fc2.weight"},
       {router("ffn.router.classifier.weight")},
       R"({"model_type": "nllb-moe", "num_experts": 6})",
       0,
       2},
      {"gpt_oss in bf16, with biases",
       "model.layers.",
       {},
       {up("mlp.experts.gate_up_proj"),
        down("mlp.experts.down_proj"),
        {"mlp.experts.gate_up_proj_bias", Dtype::BF16, {kExperts, 2 * kWidth}},
        {"mlp.experts.down_proj_bias", Dtype::BF16, {kExperts, kHidden}},
        router("mlp.router.weight"),
        {"mlp.router.bias", Dtype::BF16, {kExperts}}},
       used,
       0,
       3,
       2 * kWidth + kHidden},
      {"llama4",
       "language_model.model.layers.",
       {},
       {up("feed_forward.experts.gate_up_proj"), down("feed_forward.experts.down_proj"),
        router("feed_forward.router.weight"), plain("feed_forward.shared_expert.up_proj.weight")},
       R"({"text_config": {"num_local_experts": 6, "num_experts_per_tok": 2}})",
       1},
      {"granitemoe",
       "model.layers.",
       {},
       {up("block_sparse_moe.input_linear.weight"), down("block_sparse_moe.output_linear.weight"),
        router("block_sparse_moe.router.layer.weight")},
       used},
      {"granitemoehybrid, shared",
       "model.layers.",
       {},
       {up("block_sparse_moe.input_linear.weight"), down("block_sparse_moe.output_linear.weight"),
        router("block_sparse_moe.router.layer.weight"), plain("shared_mlp.input_linear.weight")},
       R"({"num_local_experts": 6, "num_experts_per_tok": 2, "shared_intermediate_size": 4})",
       1},
      {"step3.5",
       "model.layers.",
       {},
       {down("moe.gate_proj.weight"),
        down("moe.up_proj.weight"),
        down("moe.down_proj.weight"),
        router("moe.gate.weight"),
        {"moe.router_bias", Dtype::F32, {kExperts}},
        plain("share_expert.up_proj.weight")},
       R"({"moe_num_experts": 6, "moe_top_k": 2, "share_expert_dim": 4})",
       1},
      {"dbrx, flattened",
       "transformer.blocks.",
       {},
       {flat("ffn.experts.mlp.w1"), flat("ffn.experts.mlp.v1"), flat("ffn.experts.mlp.w2"),
        router("ffn.router.layer.weight")},
       R"({"ffn_config": {"moe_num_experts": 6, "moe_top_k": 2}})"},
      {"nomic-bert-moe, flattened",
       "encoder.layers.",
       {},
       {flat("mlp.experts.mlp.w1"), flat("mlp.experts.mlp.w2"), router("mlp.router.layer.weight")},
       R"({"num_experts": 6, "moe_top_k": 2})",
       0,
       2},
      {"mlx",
       "model.layers.",
       {},
       {down("mlp.switch_mlp.gate_proj.weight"), down("mlp.switch_mlp.up_proj.weight"),
        down("mlp.switch_mlp.down_proj.weight"), router("mlp.gate.weight")},
       used},
      {"gguf names",
       "blk.",
       {},
       {down("ffn_gate_exps.weight"),
        down("ffn_up_exps.weight"),
        down("ffn_down_exps.weight"),
        router("ffn_gate_inp.weight"),
        {"exp_probs_b.bias", Dtype::F32, {kExperts}},
        plain("ffn_up_shexp.weight"),
        {"ffn_gate_inp_shexp.weight", Dtype::F32, {kHidden}},
        plain("ffn_latent_down.weight"),
        {"ffn_norm_exps.weight", Dtype::F32, {kHidden}}},
       used,
       1},
      {"gguf names, fused, with biases",
       "blk.",
       {},
       {up("ffn_gate_up_exps.weight"),
        down("ffn_down_exps.weight"),
        {"ffn_gate_up_exps.bias", Dtype::BF16, {kExperts, 2 * kWidth}},
        router("ffn_gate_inp.weight"),
        plain("ffn_up.weight")},
       used,
       0,
       3,
       2 * kWidth},
      {"gguf names, one tensor per expert",
       "blk.",
       {"ffn_gate.{}.weight", "ffn_up.{}.weight", "ffn_down.{}.weight"},
       {router("ffn_gate_inp.weight")},
       used},
  };
  return rows;
}

}  // namespace

TEST_CASE("experts are found under every family's names") {
  for (const FamilyRow& row : families()) {
    CAPTURE(row.family);
    const Model model = describe(safetensors(tensors_of(row), row.config));
    REQUIRE(model.experts);
    const Experts& experts = *model.experts;
    const std::uint64_t one = row.matrices * kWidth * kHidden + row.biases;
    CHECK(experts.count == kExperts);
    CHECK(experts.used == 2);
    CHECK(experts.shared == row.shared);
    CHECK(experts.layers == kLayers);
    CHECK(experts.parameters == kLayers * kExperts * one);
    CHECK(experts.active_parameters == kLayers * 2 * one);
    CHECK(experts.bytes == 2 * experts.parameters);
    CHECK(model.active_parameters == model.total_parameters - kLayers * (kExperts - 2) * one);
    CHECK(codes(model).empty());
    std::uint64_t marked = 0;
    for (const TensorFacts& tensor : model.tensors) marked += tensor.routed_expert ? tensor.parameters : 0;
    CHECK(marked == experts.parameters);
  }
}

namespace {

// One layer of a Mixtral with experts of these numbers, and a router for `rows` of them.
std::vector<TensorSpec> mixtral_layer(std::string_view layer, const std::vector<int>& numbers, std::uint64_t rows) {
  const std::string block = "model.layers." + std::string(layer) + ".block_sparse_moe.";
  std::vector<TensorSpec> tensors;
  for (const int number : numbers) {
    for (const char* matrix : {"w1", "w2", "w3"}) {
      tensors.push_back({block + "experts." + std::to_string(number) + "." + matrix + ".weight", Dtype::BF16, {4, 8}});
    }
  }
  if (rows != 0) tensors.push_back({block + "gate.weight", Dtype::BF16, {rows, 8}});
  return tensors;
}

std::vector<TensorSpec> joined(std::vector<TensorSpec> a, const std::vector<TensorSpec>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

TEST_CASE("what is odd about experts is a finding, and the tensors win") {
  constexpr std::string_view kFour = R"({"num_local_experts": 4, "num_experts_per_tok": 2})";
  struct Row {
    std::string_view name;
    std::vector<TensorSpec> tensors;
    std::string_view config;
    std::uint64_t count;
    std::uint64_t active;  // routed
    std::vector<std::string> codes;
  };
  const auto whole = mixtral_layer("0", {0, 1, 2, 3}, 4);
  const std::vector<Row> rows = {
      {"as it should be", whole, kFour, 4, 2 * 96, {}},
      {"a hole", mixtral_layer("0", {0, 1, 3}, 4), R"({"num_experts_per_tok": 2})", 3, 2 * 96, {"expert-missing"}},
      {"the last one missing",
       mixtral_layer("0", {0, 1, 2}, 4),
       R"({"num_experts_per_tok": 2})",
       3,
       2 * 96,
       {"expert-router-mismatch"}},
      {"config states more",
       whole,
       R"({"num_local_experts": 8, "num_experts_per_tok": 2})",
       4,
       2 * 96,
       {"expert-count-mismatch"}},
      {"more used than there are", whole, R"({"num_experts_per_tok": 9})", 4, 4 * 96, {"expert-used-excess"}},
      {"pruned layer by layer",
       joined(whole, mixtral_layer("1", {0, 1, 2}, 3)),
       kFour,
       4,
       4 * 96,
       {"expert-count-varies"}},
      {"used layer by layer",
       joined(whole, mixtral_layer("1", {0, 1, 2, 3}, 4)),
       R"({"moe_topk": [1, 3]})",
       4,
       4 * 96,
       {}},
      {"shared stated, none stored",
       whole,
       R"({"num_experts_per_tok": 2, "n_shared_experts": 1})",
       4,
       2 * 96,
       {"expert-shared-mismatch"}},
      {"stacked of unlike numbers",
       {{"l.layers.0.mlp.switch_mlp.up_proj.weight", Dtype::BF16, {4, 4, 8}},
        {"l.layers.0.mlp.switch_mlp.down_proj.weight", Dtype::BF16, {2, 4, 8}}},
       R"({"num_experts_per_tok": 2})",
       4,
       96,
       {"expert-shape-mismatch"}},
      {"GroveMoE's chunk experts are no further experts",
       joined(whole, {{"model.layers.0.block_sparse_moe.chunk_experts.0.up_proj.weight", Dtype::BF16, {4, 8}},
                      {"model.layers.0.block_sparse_moe.chunk_experts.1.up_proj.weight", Dtype::BF16, {4, 8}}}),
       kFour,
       4,
       2 * 96 + 32,
       {}},
      {"Jamba's dense layers hold one expert and no router",
       joined(whole, mixtral_layer("1", {0}, 0)),
       kFour,
       4,
       2 * 96,
       {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Model model = describe(safetensors(row.tensors, row.config));
    REQUIRE(model.experts);
    CHECK(model.experts->count == row.count);
    CHECK(model.experts->active_parameters == row.active);
    CHECK(model.experts->shared == 0);
    CHECK(codes(model) == row.codes);
  }
}

TEST_CASE("a layer of one expert without a router is dense, and none of it is routed") {
  const Model model = describe(safetensors(joined(mixtral_layer("0", {0, 1, 2, 3}, 4), mixtral_layer("1", {0}, 0)),
                                           R"({"num_experts_per_tok": 2})"));
  CHECK(model.experts->layers == 1);
  CHECK(model.experts->parameters == 4 * 96);
  for (std::size_t i = 0; i < model.tensors.size(); ++i) {
    CHECK(model.tensors[i].routed_expert == (i < 12));
    CHECK(model.tensors[i].layer == (i <= 12 ? 0 : 1));
  }
}

TEST_CASE("without a word on the experts used, active is unknown, not guessed") {
  const Model model = describe(safetensors(mixtral_layer("0", {0, 1, 2, 3}, 4)));
  REQUIRE(model.experts);
  CHECK_FALSE(model.experts->used);
  CHECK_FALSE(model.experts->active_parameters);
  CHECK_FALSE(model.active_parameters);
  CHECK(model.total_parameters == 4 * 96 + 32);
  CHECK(codes(model) == std::vector<std::string>{"expert-used-unknown"});
  CHECK(model.findings.front().severity == Severity::Note);
}

TEST_CASE("a dense model with leftover expert keys is dense") {
  const std::vector<TensorSpec> tensors = {{"model.layers.0.mlp.gate_proj.weight", Dtype::BF16, {4, 8}}};
  for (const char* config :
       {R"({"num_experts_per_tok": 2})", R"({"num_local_experts": 0, "num_experts_per_tok": 0})"}) {
    const Model model = describe(safetensors(tensors, config));
    CHECK_FALSE(model.experts);
    CHECK(model.active_parameters == 32);
    CHECK(codes(model).empty());
  }
}

TEST_CASE("a GGUF's experts, merged and one by one, are counted alike") {
  const std::vector<KeySpec> keys = {{"general.architecture", {}, "llama"},
                                     {"llama.expert_count", {4}},
                                     {"llama.expert_used_count", {2}},
                                     {"llama.expert_shared_count", {2}}};
  std::vector<TensorSpec> merged, legacy;
  for (const char* matrix : {"gate", "up", "down"}) {
    const std::string name = std::string("blk.0.ffn_") + matrix;
    merged.push_back({name + "_exps.weight", Dtype::Q8_0, {4, 8, 32}});
    for (int i = 0; i < 4; ++i) legacy.push_back({name + "." + std::to_string(i) + ".weight", Dtype::Q8_0, {8, 32}});
  }
  for (auto* tensors : {&merged, &legacy}) {
    tensors->push_back({"blk.0.ffn_gate_inp.weight", Dtype::F32, {4, 32}});
    tensors->push_back({"blk.0.ffn_up_shexp.weight", Dtype::Q8_0, {16, 32}});
    const Model model = describe(gguf(*tensors, keys));
    REQUIRE(model.experts);
    CHECK(model.experts->count == 4);
    CHECK(model.experts->used == 2);
    CHECK(model.experts->shared == 2);
    CHECK(model.experts->layers == 1);
    CHECK(model.experts->parameters == 4 * 3 * 256);
    CHECK(model.experts->bytes == 4 * 3 * 8 * 34);
    CHECK(model.active_parameters == 2 * 3 * 256 + 128 + 512);
    CHECK(codes(model).empty());
  }
}

TEST_CASE("the bytes of routed experts include their quantisation overhead") {
  const Model model = describe(safetensors({{"model.layers.0.mlp.experts.down_proj_blocks", Dtype::U8, {4, 8, 2, 16}},
                                            {"model.layers.0.mlp.experts.down_proj_scales", Dtype::U8, {4, 8, 2}},
                                            {"model.layers.0.mlp.experts.down_proj_bias", Dtype::BF16, {4, 8}},
                                            {"model.layers.0.mlp.router.weight", Dtype::BF16, {4, 64}}},
                                           R"({"num_local_experts": 4, "num_experts_per_tok": 1})"));
  CHECK(model.experts->count == 4);
  CHECK(model.experts->parameters == 4 * 8 * 64 + 32);
  CHECK(model.experts->active_parameters == 8 * 64 + 8);
  CHECK(model.experts->bytes == 4 * 8 * 32 + 4 * 8 * 2 + 64);
}

TEST_CASE("experts in groups: a token of text uses the first group only") {
  // ERNIE-VL: experts 0 to 3 for text, 4 to 7 for images and narrower, a router for each.
  std::vector<TensorSpec> tensors;
  for (int i = 0; i < 8; ++i) {
    const std::uint64_t width = i < 4 ? 6 : 2;
    for (const char* part : {"gate_proj", "up_proj", "down_proj"}) {
      tensors.push_back(
          {"model.layers.0.mlp.experts." + std::to_string(i) + '.' + part + ".weight", Dtype::BF16, {width, 8}});
    }
  }
  tensors.push_back({"model.layers.0.mlp.gate.weight", Dtype::BF16, {4, 8}});
  tensors.push_back({"model.layers.0.mlp.gate.weight_1", Dtype::BF16, {4, 8}});
  tensors.push_back({"model.layers.0.mlp.moe_statics.e_score_correction_bias", Dtype::F32, {2, 4}});
  for (const char* config :
       {R"({"moe_num_experts": [4, 4], "moe_k": 2})", R"({"moe_num_experts": [4, 4], "moe_k": [2, 2]})"}) {
    const Model model = describe(safetensors(tensors, config));
    REQUIRE(model.experts);
    CHECK(model.experts->count == 8);
    CHECK(model.experts->groups == std::vector<std::uint64_t>{4, 4});
    CHECK(model.experts->used == 2);
    CHECK(model.experts->parameters == 4 * 3 * 48 + 4 * 3 * 16);
    CHECK(model.experts->active_parameters == 2 * 3 * 48);
    CHECK(codes(model) == std::vector<std::string>{"expert-groups"});
    CHECK(model.tensors.back().role == Role::Router);
  }
}

TEST_CASE("a list of expert numbers that is per layer makes no groups") {
  const Model model = describe(safetensors(joined(mixtral_layer("0", {0, 1, 2, 3}, 4), mixtral_layer("1", {0, 1}, 2)),
                                           R"({"num_local_experts": [4, 2], "num_experts_per_tok": 2})"));
  CHECK(model.experts->groups.empty());
  CHECK(model.experts->active_parameters == 2 * 96 + 2 * 96);
}

TEST_CASE("experts of a prediction block are told apart, and count in the contract's active") {
  std::vector<TensorSpec> tensors = mixtral_layer("0", {0, 1, 2, 3}, 4);
  for (TensorSpec& tensor : mixtral_layer("1", {0, 1, 2, 3}, 4)) tensors.push_back(std::move(tensor));
  tensors.push_back({"model.layers.1.eh_proj.weight", Dtype::BF16, {8, 16}});
  const Model model = describe(safetensors(tensors, R"({"num_hidden_layers": 1, "num_experts_per_tok": 1})"));
  CHECK(model.experts->layers == 2);
  CHECK(model.experts->prediction_parameters == 4 * 96);
  CHECK(model.experts->prediction_active_parameters == 96);
  CHECK(model.total_parameters == 2 * (4 * 96 + 32) + 128);
  CHECK(model.active_parameters == 2 * (96 + 32) + 128);
  REQUIRE(model.prediction);
  CHECK(model.prediction->parameters == 4 * 96 + 32 + 128);
  CHECK(model.prediction->active_parameters == 96 + 32 + 128);
  CHECK(model.active_conventions->without_prediction == 96 + 32);
}
