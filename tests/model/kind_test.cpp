#include "src/model/kind.h"

#include <algorithm>
#include <array>

#include "src/checkpoint/open_checkpoint.h"
#include "tests/catch.h"
#include "tests/model/builder.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

const TensorSpec kEmbedding{"model.embed_tokens.weight", Dtype::BF16, {100, 8}};
const TensorSpec kQuery{"model.layers.0.self_attn.q_proj.weight", Dtype::BF16, {8, 8}};
const TensorSpec kVision{"model.visual.blocks.0.attn.qkv.weight", Dtype::BF16, {8, 8}};
const TensorSpec kAudio{"audio_tower.layers.0.fc1.weight", Dtype::BF16, {8, 8}};

KeySpec text(std::string key, std::string value) { return {std::move(key), {}, std::move(value)}; }
KeySpec architecture(std::string name) { return text("general.architecture", std::move(name)); }

}  // namespace

TEST_CASE("a GGUF is named for what it is") {
  struct Row {
    std::vector<TensorSpec> tensors;
    std::vector<KeySpec> keys;
    std::string kind;
  };
  const std::vector<TensorSpec> block = {{"token_embd.weight", Dtype::F16, {100, 8}},
                                         {"blk.0.attn_q.weight", Dtype::F16, {8, 8}}};
  const std::vector<TensorSpec> lora = {{"blk.0.attn_q.weight.lora_a", Dtype::F16, {4, 8}},
                                        {"blk.0.attn_q.weight.lora_b", Dtype::F16, {8, 4}}};
  const std::vector<Row> rows = {
      {block, {architecture("llama")}, ""},
      {{}, {architecture("llama"), text("tokenizer.ggml.model", "gpt2")}, "vocabulary only"},
      {lora, {architecture("llama"), text("general.type", "adapter")}, "LoRA adapter"},
      {lora, {}, "LoRA adapter"},
      {{{"v.blk.0.attn_q.weight", Dtype::F16, {8, 8}}}, {architecture("clip")}, "multimodal projector"},
      {{{"mm.0.weight", Dtype::F16, {8, 8}}}, {text("general.type", "mmproj")}, "multimodal projector"},
      {{{"blk.0.attn_q.weight.in_sum2", Dtype::F32, {1, 8}}}, {text("general.type", "imatrix")}, "imatrix"},
      {{{"blk.0.ffn_up_exps.weight.in_sum2", Dtype::F32, {4, 8}},
        {"blk.0.ffn_up_exps.weight.counts", Dtype::F32, {4, 1}}},
       {},
       "imatrix"},
      {{{"direction.1", Dtype::F32, {8}}}, {architecture("controlvector")}, "control vector"},
      {{{"direction.1", Dtype::F32, {8}}, {"direction.2", Dtype::F32, {8}}}, {}, "control vector"},
      {{{"d2t", Dtype::I64, {32000}}, {"midlayer.self_attn.q_proj.weight", Dtype::F16, {8, 16}}},
       {},
       "speculative head"},
      {block, {architecture("eagle3")}, "speculative head"},
      {{{"double_blocks.0.img_attn.qkv.weight", Dtype::F16, {24, 8}}}, {architecture("flux")}, "diffusion transformer"},
      {block, {architecture("qwen3"), {"qwen3.pooling_type", {3}}}, "embedding model"},
      {block, {architecture("qwen3"), {"qwen3.pooling_type", {4}}}, "reranker"},
      {block, {architecture("bert"), {"bert.pooling_type", {4}}}, "reranker"},
      {block, {architecture("nomic-bert")}, "embedding model"},
      {block, {architecture("t5")}, "encoder-decoder"},
  };
  for (const Row& row : rows) {
    const Model model = describe(gguf(row.tensors, row.keys));
    CAPTURE(row.kind);
    CHECK(model.kind == row.kind);
    CHECK(model.adapter.has_value() == (row.kind == "LoRA adapter"));
    constexpr std::array<std::string_view, 6> kNoModels{"vocabulary only", "LoRA adapter",   "multimodal projector",
                                                        "imatrix",         "control vector", "speculative head"};
    CHECK(runs_alone(model.kind) == (std::ranges::find(kNoModels, row.kind) == kNoModels.end()));
  }
}

TEST_CASE("a checkpoint is named for what it is") {
  struct Row {
    std::vector<TensorSpec> tensors;
    std::string config, kind;
  };
  const std::vector<Row> rows = {
      {{kEmbedding, kQuery}, R"({"architectures": ["LlamaForCausalLM"]})", ""},
      {{kEmbedding, kQuery, kVision}, "{}", "vision-language model"},
      {{kEmbedding, kQuery, kAudio}, "{}", "audio-language model"},
      {{kEmbedding, kQuery, kVision, kAudio}, "{}", "vision-audio-language model"},
      {{kVision}, "{}", "vision encoder"},
      {{kQuery}, R"({"_class_name": "FluxTransformer2DModel"})", "diffusion transformer"},
      {{kQuery}, R"({"_class_name": "UNet2DConditionModel"})", "diffusion U-Net"},
      {{kQuery}, R"({"_class_name": "AutoencoderKL"})", "autoencoder"},
      {{kQuery}, R"({"_class_name": "FluxControlNetModel"})", "ControlNet"},
      {{kQuery}, R"({"architectures": ["CLIPTextModel"]})", "text encoder"},
      {{kQuery}, R"({"architectures": ["XLMRobertaModel"]})", "embedding model"},
      {{kQuery}, R"({"architectures": ["XLMRobertaForSequenceClassification"], "id2label": {"0": "x"}})", "reranker"},
      {{kQuery}, R"({"architectures": ["BertForSequenceClassification"], "num_labels": 1})", "reranker"},
      {{kQuery}, R"({"architectures": ["BertForSequenceClassification"]})", "text classifier"},
      {{kQuery},
       R"({"architectures": ["LlamaForSequenceClassification"], "num_labels": 1})",
       "reward model or reranker"},
      {{kQuery}, R"({"architectures": ["WhisperForConditionalGeneration"]})", "speech recognition model"},
      {{{"double_blocks.0.img_mod.lin.weight", Dtype::F16, {8, 8}}}, "{}", "diffusion model"},
      {{kQuery}, R"({"architectures": 7, "_class_name": null})", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.config, row.kind);
    CHECK(describe(safetensors(row.tensors, row.config)).kind == row.kind);
  }
  Checkpoint sentences = safetensors({kEmbedding, kQuery});
  sentences.sentence_modules = true;
  CHECK(describe(std::move(sentences)).kind == "embedding model");
}

TEST_CASE("an adapter tells its rank, its scale and what it changes") {
  const std::string q = "base_model.model.model.layers.0.self_attn.q_proj.",
                    v = "base_model.model.model.layers.0.self_attn.v_proj.";
  const std::vector<TensorSpec> tensors = {{q + "lora_A.weight", Dtype::F32, {16, 64}},
                                           {q + "lora_B.weight", Dtype::F32, {64, 16}},
                                           {v + "lora_A.weight", Dtype::F32, {16, 64}},
                                           {v + "lora_B.weight", Dtype::F32, {64, 16}}};
  SECTION("by its config") {
    Checkpoint checkpoint = safetensors(tensors);
    checkpoint.kind = CheckpointKind::Adapter;
    checkpoint.adapter_config = json(R"({"peft_type": "LORA", "r": 32, "lora_alpha": 64.5,
        "target_modules": ["v_proj", "q_proj"], "base_model_name_or_path": "meta-llama/Llama-2-7b-hf"})");
    const Model model = describe(std::move(checkpoint));
    REQUIRE(model.adapter);
    CHECK(model.kind == "LoRA adapter");
    CHECK(model.adapter->rank == 32);
    CHECK(*model.adapter->alpha == Approx(64.5));
    CHECK(model.adapter->target_modules == std::vector<std::string>{"q_proj", "v_proj"});
    CHECK(model.architecture.base_model == "meta-llama/Llama-2-7b-hf");
  }
  SECTION("by the config next to it") {
    OpenResult opened = open_checkpoints(WEIGH_TESTDATA "/safetensors/good/adapter");
    REQUIRE(opened.checkpoints.size() == 1);
    const Model model = describe(std::move(opened.checkpoints.front()));
    REQUIRE(model.adapter);
    CHECK(model.kind == "LoRA adapter");
    CHECK(model.adapter->rank == 8);
    CHECK(model.architecture.base_model == "org/base");
  }
  SECTION("of another kind") {
    Checkpoint checkpoint = safetensors({{"prompt_embeddings", Dtype::F32, {8, 64}}});
    checkpoint.kind = CheckpointKind::Adapter;
    checkpoint.adapter_config = json(R"({"peft_type": "PROMPT_TUNING"})");
    CHECK(describe(std::move(checkpoint)).kind == "PROMPT_TUNING adapter");
  }
  SECTION("by names and shapes") {
    const Model model = describe(safetensors(tensors));
    REQUIRE(model.adapter);
    CHECK(model.adapter->rank == 16);
    CHECK_FALSE(model.adapter->alpha);
    CHECK(model.adapter->target_modules == std::vector<std::string>{"q_proj", "v_proj"});
  }
  SECTION("in a GGUF") {
    const Model model = describe(
        gguf({{"blk.0.attn_q.weight.lora_a", Dtype::F16, {4, 64}}, {"blk.0.attn_q.weight.lora_b", Dtype::F16, {64, 4}}},
             {architecture("llama"), text("general.type", "adapter"), text("general.base_model.0.name", "Llama 2 7B"),
              text("general.base_model.0.organization", "Meta")}));
    REQUIRE(model.adapter);
    CHECK(model.adapter->rank == 4);
    CHECK(model.adapter->target_modules == std::vector<std::string>{"attn_q"});
    CHECK(model.architecture.base_model == "Meta/Llama 2 7B");
  }
  SECTION("a model with a trained-in adapter is a model") {
    std::vector<TensorSpec> mixed = tensors;
    mixed.push_back(kQuery);
    CHECK_FALSE(describe(safetensors(mixed)).adapter);
  }
}

TEST_CASE("a projector tells its type and what it looks at") {
  const Model mmproj = describe(gguf({{"mm.0.weight", Dtype::F16, {8, 8}}}, {architecture("clip"),
                                                                             text("clip.projector_type", "mlp"),
                                                                             {"clip.vision.image_size", {336}},
                                                                             {"clip.vision.patch_size", {14}},
                                                                             {"clip.vision.projection_dim", {4096}}}));
  REQUIRE(mmproj.projector);
  CHECK(mmproj.projector->type == "mlp");
  CHECK(mmproj.projector->image_size == 336);
  CHECK(mmproj.projector->patch_size == 14);
  CHECK(mmproj.projector->projection_length == 4096);

  const Model checkpoint = describe(safetensors(
      {kEmbedding, kVision}, R"({"vision_config": {"model_type": "siglip", "image_size": 896, "patch_size": 14}})"));
  REQUIRE(checkpoint.projector);
  CHECK(checkpoint.projector->type == "siglip");
  CHECK(checkpoint.projector->image_size == 896);
  CHECK_FALSE(describe(safetensors({kEmbedding})).projector);
}
