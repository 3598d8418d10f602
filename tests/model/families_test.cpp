// Published figures, to the digit, from whole models of their real shapes, in both formats.

#include <catch2/catch.hpp>

#include "tests/model/family_recipes.h"

using namespace weigh;
using namespace weigh::test;

namespace {

// What is published: facts/moe_naming.md section 6. Totals and active figures are without multi-token prediction;
// `less_embedding` is active without one embedding table.
struct Published {
  Family family;
  std::uint64_t total, active, less_embedding;
  std::uint64_t prediction = 0;
  std::uint64_t copies = 0;  // of embedding and head, in the prediction block
};

const ExpertNaming kMixtral = {.moe = "block_sparse_moe", .gate = "w1", .up = "w3", .down = "w2"};
const ExpertNaming kQwen2 = {.shared = "shared_expert"};
const ExpertNaming kDeepSeek = {};
const ExpertNaming kDeepSeekV3 = {.selection_bias = "gate.e_score_correction_bias"};
const ExpertNaming kMiniMax = {
    .moe = "block_sparse_moe", .gate = "w1", .up = "w3", .down = "w2", .selection_bias = "e_score_correction_bias"};
const ExpertNaming kLing = {.selection_bias = "gate.expert_bias"};
const ExpertNaming kGptOss = {.up = ".experts.gate_up_proj",
                              .down = ".experts.down_proj",
                              .router = "router",
                              .storage = ExpertNaming::Storage::StackedPlain,
                              .flipped = true};
const ExpertNaming kLlama4 = {.moe = "feed_forward",
                              .up = ".experts.gate_up_proj",
                              .down = ".experts.down_proj",
                              .router = "router",
                              .shared = "shared_expert",
                              .storage = ExpertNaming::Storage::StackedPlain,
                              .flipped = true};
const ExpertNaming kGranite = {.moe = "block_sparse_moe",
                               .up = ".input_linear",
                               .down = ".output_linear",
                               .router = "router.layer",
                               .storage = ExpertNaming::Storage::Stacked};

AttentionShape heads(std::uint64_t query, std::uint64_t kv, std::uint64_t size = 128) { return {query, kv, size}; }
AttentionShape normed(std::uint64_t query, std::uint64_t kv, std::uint64_t size = 128) {
  return {.heads = query, .kv_heads = kv, .size = size, .norm = QkNorm::PerHead};
}
AttentionShape biased(std::uint64_t query, std::uint64_t kv, QkNorm norm = QkNorm::None, std::uint64_t size = 128) {
  return {.heads = query, .kv_heads = kv, .size = size, .qkv_bias = true, .norm = norm};
}
const AttentionShape kGptOssHeads = {
    .heads = 64, .kv_heads = 8, .size = 64, .qkv_bias = true, .output_bias = true, .sinks = true};

// The vision tower of both Llama 4 models and what joins it to the text: 871,932,416 parameters.
std::vector<TensorSpec> llama4_vision() {
  constexpr std::uint64_t kWidth = 1408, kInner = 5632, kAdapter = 4096, kText = 5120;
  std::vector<TensorSpec> tensors;
  const auto add = [&](const std::string& name, std::vector<std::uint64_t> shape) {
    tensors.push_back({name, Dtype::BF16, std::move(shape)});
  };
  const auto with_bias = [&](const std::string& name, std::uint64_t rows, std::uint64_t columns) {
    add(name + ".weight", {rows, columns});
    add(name + ".bias", {rows});
  };
  const auto norm = [&](const std::string& name) {
    add(name + ".weight", {kWidth});
    add(name + ".bias", {kWidth});
  };
  add("vision_model.patch_embedding.linear.weight", {kWidth, 14 * 14 * 3});
  add("vision_model.class_embedding", {kWidth});
  add("vision_model.positional_embedding_vlm", {24 * 24 + 1, kWidth});
  norm("vision_model.layernorm_pre");
  norm("vision_model.layernorm_post");
  for (int layer = 0; layer < 34; ++layer) {
    const std::string block = "vision_model.model.layers." + std::to_string(layer) + '.';
    for (const char* part : {"q_proj", "k_proj", "v_proj", "o_proj"}) {
      with_bias(block + "self_attn." + part, kWidth, kWidth);
    }
    with_bias(block + "mlp.fc1", kInner, kWidth);
    with_bias(block + "mlp.fc2", kWidth, kInner);
    norm(block + "input_layernorm");
    norm(block + "post_attention_layernorm");
  }
  add("vision_model.vision_adapter.mlp.fc1.weight", {kAdapter, kInner});
  add("vision_model.vision_adapter.mlp.fc2.weight", {kAdapter, kAdapter});
  add("multi_modal_projector.linear_1.weight", {kText, kAdapter});
  return tensors;
}

Family llama4(const std::string& name, std::uint64_t experts, std::uint64_t every) {
  return {.name = name,
          .model_type = "llama4",
          .gguf = "llama4",
          .width = 5120,
          .layers = 48,
          .vocabulary = 202048,
          .attention = heads(40, 8),
          .moe = MoeShape{.experts = experts,
                          .used = 1,
                          .width = 8192,
                          .shared_width = 8192,
                          .shared = 1,
                          .every = every,
                          .dense_width = 16384,
                          .naming = kLlama4},
          .prefix = "language_model.model."};
}

std::vector<Published> sparse() {
  return {
      {{.name = "Mixtral-8x7B",
        .model_type = "mixtral",
        .gguf = "llama",
        .width = 4096,
        .layers = 32,
        .vocabulary = 32000,
        .attention = heads(32, 8),
        .moe = MoeShape{.experts = 8, .used = 2, .width = 14336, .naming = kMixtral}},
       46'702'792'704,
       12'879'925'248,
       12'748'853'248},
      {{.name = "Mixtral-8x22B",
        .model_type = "mixtral",
        .gguf = "llama",
        .width = 6144,
        .layers = 56,
        .vocabulary = 32000,
        .attention = heads(48, 8),
        .moe = MoeShape{.experts = 8, .used = 2, .width = 16384, .naming = kMixtral}},
       140'620'634'112,
       39'152'031'744,
       38'955'423'744},
      {{.name = "Qwen1.5-MoE-A2.7B",
        .model_type = "qwen2_moe",
        .gguf = "qwen2moe",
        .width = 2048,
        .layers = 24,
        .vocabulary = 151936,
        .attention = biased(16, 16),
        .moe = MoeShape{.experts = 60,
                        .used = 4,
                        .width = 1408,
                        .shared_width = 5632,
                        .shared = 1,
                        .shared_gate = true,
                        .naming = kQwen2}},
       14'315'784'192,
       2'689'173'504,
       2'378'008'576},
      {{.name = "Qwen3-30B-A3B",
        .model_type = "qwen3_moe",
        .gguf = "qwen3moe",
        .width = 2048,
        .layers = 48,
        .vocabulary = 151936,
        .attention = normed(32, 4),
        .moe = MoeShape{.experts = 128, .used = 8, .width = 768, .naming = kDeepSeek}},
       30'532'122'624,
       3'353'032'704,
       3'041'867'776},
      {{.name = "Qwen3-235B-A22B",
        .model_type = "qwen3_moe",
        .gguf = "qwen3moe",
        .width = 4096,
        .layers = 94,
        .vocabulary = 151936,
        .attention = normed(64, 4),
        .moe = MoeShape{.experts = 128, .used = 8, .width = 1536, .naming = kDeepSeek}},
       235'093'634'560,
       22'190'763'520,
       21'568'433'664},
      {{.name = "Qwen3-Coder-480B-A35B",
        .model_type = "qwen3_moe",
        .gguf = "qwen3moe",
        .width = 6144,
        .layers = 62,
        .vocabulary = 151936,
        .attention = normed(96, 8),
        .moe = MoeShape{.experts = 160, .used = 8, .width = 2560, .naming = kDeepSeek}},
       480'154'875'392,
       35'474'765'312,
       34'541'270'528},
      {{.name = "Qwen3-Next-80B-A3B",
        .model_type = "qwen3_next",
        .gguf = "qwen3next",
        .width = 2048,
        .layers = 48,
        .vocabulary = 151936,
        .attention = {.heads = 16, .kv_heads = 2, .size = 256, .norm = QkNorm::PerHead, .gated = true},
        .delta = DeltaShape{},
        .moe = MoeShape{.experts = 512,
                        .used = 10,
                        .width = 512,
                        .shared_width = 512,
                        .shared = 1,
                        .shared_gate = true,
                        .naming = kQwen2},
        .prediction = PredictionForm::QwenNext},
       79'674'391'296,
       3'874'929'408,
       3'563'764'480,
       1'650'471'424},
      {{.name = "Qwen3.5-35B-A3B, text",
        .model_type = "qwen3_5_moe",
        .gguf = "qwen35moe",
        .width = 2048,
        .layers = 40,
        .vocabulary = 248320,
        .attention = {.heads = 16, .kv_heads = 2, .size = 256, .norm = QkNorm::PerHead, .gated = true},
        .delta = DeltaShape{.split = true},
        .moe = MoeShape{.experts = 256,
                        .used = 8,
                        .width = 512,
                        .shared_width = 512,
                        .shared = 1,
                        .shared_gate = true,
                        .naming = {.up = ".experts.gate_up_proj",
                                   .down = ".experts.down_proj",
                                   .shared = "shared_expert",
                                   .storage = ExpertNaming::Storage::StackedPlain}}},
       34'660'610'688,
       3'454'988'928,
       2'946'429'568},
      {{.name = "Qwen3.5-25B-REAP-A3B, pruned to 180 experts",
        .model_type = "qwen3_5_moe",
        .gguf = "qwen35moe",
        .width = 2048,
        .layers = 40,
        .vocabulary = 248320,
        .attention = {.heads = 16, .kv_heads = 2, .size = 256, .norm = QkNorm::PerHead, .gated = true},
        .delta = DeltaShape{.split = true},
        .moe = MoeShape{.experts = 180,
                        .used = 8,
                        .width = 512,
                        .shared_width = 512,
                        .shared = 1,
                        .shared_gate = true,
                        .naming = kQwen2}},
       25'091'371'648,
       3'448'763'008,
       2'940'203'648},
      {{.name = "OLMoE-1B-7B",
        .model_type = "olmoe",
        .gguf = "olmoe",
        .width = 2048,
        .layers = 16,
        .vocabulary = 50304,
        .attention = {.heads = 16, .kv_heads = 16, .size = 128, .norm = QkNorm::Whole},
        .moe = MoeShape{.experts = 64, .used = 8, .width = 1024, .naming = kDeepSeek}},
       6'919'161'856,
       1'282'017'280,
       1'178'994'688},
      {{.name = "DeepSeekMoE-16B",
        .model_type = "deepseek",
        .gguf = "deepseek",
        .width = 2048,
        .layers = 28,
        .vocabulary = 102400,
        .attention = heads(16, 16),
        .moe = MoeShape{.experts = 64,
                        .used = 6,
                        .width = 1408,
                        .shared_width = 2816,
                        .shared = 2,
                        .dense_first = 1,
                        .dense_width = 10944,
                        .naming = kDeepSeek}},
       16'375'728'128,
       2'828'650'496,
       2'618'935'296},
      {{.name = "DeepSeek-V2-Lite",
        .model_type = "deepseek_v2",
        .gguf = "deepseek2",
        .width = 2048,
        .layers = 27,
        .vocabulary = 102400,
        .attention = heads(16, 16),
        .latent = LatentShape{},
        .moe = MoeShape{.experts = 64,
                        .used = 6,
                        .width = 1408,
                        .shared_width = 2816,
                        .shared = 2,
                        .dense_first = 1,
                        .dense_width = 10944,
                        .naming = kDeepSeek}},
       15'706'484'224,
       2'661'150'208,
       2'451'435'008},
      {{.name = "DeepSeek-V2",
        .model_type = "deepseek_v2",
        .gguf = "deepseek2",
        .width = 5120,
        .layers = 60,
        .vocabulary = 102400,
        .attention = heads(128, 128),
        .latent = LatentShape{.query_rank = 1536},
        .moe = MoeShape{.experts = 160,
                        .used = 6,
                        .width = 1536,
                        .shared_width = 3072,
                        .shared = 2,
                        .dense_first = 1,
                        .dense_width = 12288,
                        .naming = kDeepSeek}},
       235'741'434'880,
       21'375'800'320,
       20'851'512'320},
      {{.name = "DeepSeek-V3",
        .model_type = "deepseek_v3",
        .gguf = "deepseek2",
        .width = 7168,
        .layers = 61,
        .vocabulary = 129280,
        .attention = heads(128, 128),
        .latent = LatentShape{.query_rank = 1536},
        .moe = MoeShape{.experts = 256,
                        .used = 8,
                        .width = 2048,
                        .shared_width = 2048,
                        .shared = 1,
                        .dense_first = 3,
                        .dense_width = 18432,
                        .naming = kDeepSeekV3},
        .prediction = PredictionForm::DeepSeekWithCopies},
       671'026'419'200,
       37'552'297'472,
       36'625'618'432,
       13'463'426'304,
       1'853'358'080},
      {{.name = "Moonlight-16B-A3B",
        .model_type = "deepseek_v3",
        .gguf = "deepseek2",
        .width = 2048,
        .layers = 27,
        .vocabulary = 163840,
        .attention = heads(16, 16),
        .latent = LatentShape{},
        .moe = MoeShape{.experts = 64,
                        .used = 6,
                        .width = 1408,
                        .shared_width = 2816,
                        .shared = 2,
                        .dense_first = 1,
                        .dense_width = 11264,
                        .naming = kDeepSeekV3}},
       15'960'110'208,
       2'914'776'192,
       2'579'231'872},
      {{.name = "Kimi-K2",
        .model_type = "kimi_k2",
        .gguf = "deepseek2",
        .width = 7168,
        .layers = 61,
        .vocabulary = 163840,
        .attention = heads(64, 64),
        .latent = LatentShape{.query_rank = 1536},
        .moe = MoeShape{.experts = 384,
                        .used = 8,
                        .width = 2048,
                        .shared_width = 2048,
                        .shared = 1,
                        .dense_first = 1,
                        .dense_width = 18432,
                        .naming = kDeepSeekV3}},
       1'026'408'232'448,
       32'861'500'928,
       31'687'095'808},
      {{.name = "GLM-4.5",
        .model_type = "glm4_moe",
        .gguf = "glm4moe",
        .width = 5120,
        .layers = 92,
        .vocabulary = 151552,
        .attention = biased(96, 8, QkNorm::PerHead),
        .moe = MoeShape{.experts = 160,
                        .used = 8,
                        .width = 1536,
                        .shared_width = 1536,
                        .shared = 1,
                        .dense_first = 3,
                        .dense_width = 12288,
                        .naming = kDeepSeekV3},
        .prediction = PredictionForm::DeepSeekWithCopies},
       352'797'829'024,
       33'632'266'144,
       32'856'319'904,
       358'337'791'296 - 352'797'829'024,
       358'337'791'296 - 356'785'898'816},
      {{.name = "GLM-4.5-Air",
        .model_type = "glm4_moe",
        .gguf = "glm4moe",
        .width = 4096,
        .layers = 46,
        .vocabulary = 151552,
        .attention = biased(96, 8),
        .moe = MoeShape{.experts = 128,
                        .used = 8,
                        .width = 1408,
                        .shared_width = 1408,
                        .shared = 1,
                        .dense_first = 1,
                        .dense_width = 10944,
                        .naming = kDeepSeekV3},
        .prediction = PredictionForm::DeepSeekWithCopies},
       106'852'251'264,
       13'424'129'664,
       12'803'372'672,
       110'468'824'832 - 106'852'251'264,
       2 * 151'552 * 4096},
      {{.name = "gpt-oss-20b",
        .model_type = "gpt_oss",
        .gguf = "gpt-oss",
        .width = 2880,
        .layers = 24,
        .vocabulary = 201088,
        .attention = kGptOssHeads,
        .moe =
            MoeShape{
                .experts = 32, .used = 4, .width = 2880, .router_bias = true, .expert_bias = true, .naming = kGptOss}},
       20'914'757'184,
       4'187'440'704,
       3'608'307'264},
      {{.name = "gpt-oss-120b",
        .model_type = "gpt_oss",
        .gguf = "gpt-oss",
        .width = 2880,
        .layers = 36,
        .vocabulary = 201088,
        .attention = kGptOssHeads,
        .moe =
            MoeShape{
                .experts = 128, .used = 4, .width = 2880, .router_bias = true, .expert_bias = true, .naming = kGptOss}},
       116'829'156'672,
       5'711'982'912,
       5'132'849'472},
      {llama4("Llama-4-Scout, text", 16, 1), 107'769'861'120, 17'172'894'720, 17'172'894'720 - 202'048 * 5120},
      {llama4("Llama-4-Maverick, text", 128, 2), 400'711'848'960, 17'184'691'200, 17'184'691'200 - 202'048 * 5120},
      {{.name = "MiniMax-M2",
        .model_type = "minimax_m2",
        .gguf = "minimax-m2",
        .width = 3072,
        .layers = 62,
        .vocabulary = 200064,
        .attention = {.heads = 48, .kv_heads = 8, .size = 128, .norm = QkNorm::Whole},
        .moe = MoeShape{.experts = 256, .used = 8, .width = 1536, .naming = kMiniMax}},
       228'689'764'864,
       11'030'553'088,
       10'415'956'480},
      {{.name = "Ling-mini-2.0",
        .model_type = "bailing_moe",
        .gguf = "bailingmoe2",
        .width = 2048,
        .layers = 20,
        .vocabulary = 157184,
        .attention = {.heads = 16, .kv_heads = 4, .size = 128, .norm = QkNorm::PerHead, .fused = true},
        .moe = MoeShape{.experts = 256,
                        .used = 8,
                        .width = 512,
                        .shared_width = 512,
                        .shared = 1,
                        .dense_first = 1,
                        .dense_width = 5120,
                        .naming = kLing},
        .fused_names = true},
       16'255'643'392,
       1'432'973'056,
       1'111'060'224},
      {{.name = "Ling-flash-2.0",
        .model_type = "bailing_moe",
        .gguf = "bailingmoe2",
        .width = 4096,
        .layers = 32,
        .vocabulary = 157184,
        .attention = {.heads = 32, .kv_heads = 4, .size = 128, .norm = QkNorm::PerHead, .fused = true},
        .moe = MoeShape{.experts = 256,
                        .used = 8,
                        .width = 1024,
                        .shared_width = 1024,
                        .shared = 1,
                        .dense_first = 1,
                        .dense_width = 9216,
                        .naming = kLing},
        .fused_names = true},
       102'889'705'216,
       6'152'277'760,
       5'508'452'096},
      {{.name = "granite-3.1-1b-a400m",
        .model_type = "granitemoe",
        .gguf = "granitemoe",
        .width = 1024,
        .layers = 24,
        .vocabulary = 49155,
        .attention = heads(16, 8, 64),
        .moe = MoeShape{.experts = 32, .used = 8, .width = 512, .naming = kGranite},
        .tied = true},
       1'334'628'352,
       428'658'688,
       378'323'968},
      {{.name = "granite-3.1-3b-a800m",
        .model_type = "granitemoe",
        .gguf = "granitemoe",
        .width = 1536,
        .layers = 32,
        .vocabulary = 49155,
        .attention = heads(24, 8, 64),
        .moe = MoeShape{.experts = 40, .used = 8, .width = 512, .naming = kGranite},
        .tied = true},
       3'298'793'472,
       882'874'368,
       807'372'288},
  };
}

std::uint64_t parameters_of(const Model& model, Role role) {
  for (const RoleTotals& row : model.by_role) {
    if (row.role == role) return row.parameters;
  }
  return 0;
}

void check_sparse(const Published& published, Checkpoint checkpoint, std::uint64_t prediction, std::uint64_t copies) {
  const MoeShape& moe = *published.family.moe;
  const Model model = describe(std::move(checkpoint));
  CHECK(model.total_parameters == published.total + prediction);
  REQUIRE(model.active_conventions);
  CHECK(model.active_conventions->without_prediction == published.active);
  CHECK(model.active_conventions->without_embedding == published.less_embedding);
  REQUIRE(model.experts);
  CHECK(model.experts->count == moe.experts);
  CHECK(model.experts->used == moe.used);
  CHECK(model.experts->shared == moe.shared);
  REQUIRE(model.prediction.has_value() == (prediction != 0));
  if (model.prediction) {
    CHECK(model.prediction->blocks == 1);
    CHECK(model.prediction->parameters == prediction);
    CHECK(model.prediction->copied_parameters == copies);
    CHECK(parameters_of(model, Role::Prediction) == prediction);
  }
  CHECK(parameters_of(model, Role::RoutedExpert) + model.experts->prediction_parameters == model.experts->parameters);
  CHECK(parameters_of(model, Role::Other) == 0);
  for (const Finding& finding : model.findings) CHECK(finding.message.empty());
  CHECK(model.architecture.tied_embeddings == published.family.tied);
}

}  // namespace

TEST_CASE("mixtures of experts have their published figures, by safetensors names") {
  for (const Published& row : sparse()) {
    CAPTURE(row.family.name);
    check_sparse(row, as_safetensors(row.family), row.prediction, row.copies);
  }
}

TEST_CASE("a vision tower is counted, is active, and is a role of its own") {
  struct Row {
    std::string name;
    std::uint64_t experts, every, total, active, less_embedding;
  };
  for (const Row& row : {Row{"Scout", 16, 1, 108'641'793'536, 18'044'827'136, 17'010'341'376},
                         Row{"Maverick", 128, 2, 401'583'781'376, 18'056'623'616, 17'022'137'856}}) {
    CAPTURE(row.name);
    Family family = llama4(row.name, row.experts, row.every);
    family.more = llama4_vision();
    const Model model = describe(as_safetensors(family));
    CHECK(model.total_parameters == row.total);
    CHECK(model.active_parameters == row.active);
    CHECK(model.active_conventions->without_embedding == row.less_embedding);
    CHECK(parameters_of(model, Role::Vision) + parameters_of(model, Role::Projector) == 871'932'416);
    CHECK(parameters_of(model, Role::Projector) == 4096 * 5120);
    CHECK(parameters_of(model, Role::Other) == 0);
    CHECK(model.kind == "vision-language model");
    CHECK(model.architecture.layers == 48);
  }
}

TEST_CASE("mixtures of experts have their published figures, by GGUF names") {
  for (const Published& row : sparse()) {
    CAPTURE(row.family.name);
    const bool stored = row.family.prediction != PredictionForm::QwenNext;
    check_sparse(row, as_gguf(row.family), stored ? row.prediction : 0, stored ? row.copies : 0);
  }
}
