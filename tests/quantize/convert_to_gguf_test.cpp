#include "src/quantize/convert_to_gguf.h"

#include <algorithm>
#include <set>

#include "tests/catch.h"
#include "tests/model/builder.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

using Shape = std::vector<std::uint64_t>;

struct Expected {
  std::string name;
  Shape shape;
  Dtype dtype;
};

void check(const GgufPlan& plan, const std::vector<Expected>& expected) {
  CHECK(plan.tensors.size() == expected.size());
  std::string names;
  for (const PlannedTensor& tensor : plan.tensors) names += tensor.name + " ";
  CAPTURE(names);
  for (const Expected& row : expected) {
    CAPTURE(row.name);
    const auto found = std::ranges::find(plan.tensors, row.name, &PlannedTensor::name);
    if (found == plan.tensors.end()) {
      CHECK(found != plan.tensors.end());
      continue;
    }
    CHECK(found->shape == row.shape);
    CHECK(found->dtype == row.dtype);
  }
}

GgufPlan plan_of(const std::vector<TensorSpec>& tensors, std::string_view config) {
  return plan_gguf(describe(safetensors(tensors, config)));
}

bool remarked(const GgufPlan& plan, std::string_view text) {
  return std::ranges::any_of(plan.remarks,
                             [&](const std::string& remark) { return remark.find(text) != std::string::npos; });
}

}  // namespace

TEST_CASE("each family's tensors under GGUF's names") {
  struct Row {
    std::string_view family, config, architecture;
    std::vector<TensorSpec> tensors;
    std::vector<Expected> expected;
  };
  const std::vector<Row> rows = {
      {"llama",
       R"({"model_type": "llama", "num_hidden_layers": 1, "hidden_size": 64, "num_attention_heads": 4})",
       "llama",
       {{"model.embed_tokens.weight", Dtype::BF16, {96, 64}},
        {"model.layers.0.self_attn.q_proj.weight", Dtype::BF16, {64, 64}},
        {"model.layers.0.self_attn.q_proj.bias", Dtype::BF16, {64}},
        {"model.layers.0.self_attn.rotary_emb.inv_freq", Dtype::F32, {8}},
        {"model.layers.0.mlp.down_proj.weight", Dtype::BF16, {64, 128}},
        {"model.layers.0.post_attention_layernorm.weight", Dtype::BF16, {64}},
        {"model.norm.weight", Dtype::BF16, {64}},
        {"lm_head.weight", Dtype::BF16, {96, 64}}},
       {{"token_embd.weight", {96, 64}, Dtype::BF16},
        {"blk.0.attn_q.weight", {64, 64}, Dtype::BF16},
        {"blk.0.attn_q.bias", {64}, Dtype::F32},
        {"blk.0.ffn_down.weight", {64, 128}, Dtype::BF16},
        {"blk.0.ffn_norm.weight", {64}, Dtype::F32},
        {"output_norm.weight", {64}, Dtype::F32},
        {"output.weight", {96, 64}, Dtype::BF16}}},
      {"mixtral",
       R"({"model_type": "mixtral", "num_local_experts": 2})",
       "llama",
       {{"model.layers.0.block_sparse_moe.experts.0.w1.weight", Dtype::F16, {32, 64}},
        {"model.layers.0.block_sparse_moe.experts.0.w2.weight", Dtype::F16, {64, 32}},
        {"model.layers.0.block_sparse_moe.experts.0.w3.weight", Dtype::F16, {32, 64}},
        {"model.layers.0.block_sparse_moe.experts.1.w1.weight", Dtype::F16, {32, 64}},
        {"model.layers.0.block_sparse_moe.experts.1.w2.weight", Dtype::F16, {64, 32}},
        {"model.layers.0.block_sparse_moe.experts.1.w3.weight", Dtype::F16, {32, 64}},
        {"model.layers.0.block_sparse_moe.gate.weight", Dtype::F16, {2, 64}}},
       {{"blk.0.ffn_gate_exps.weight", {2, 32, 64}, Dtype::F16},
        {"blk.0.ffn_up_exps.weight", {2, 32, 64}, Dtype::F16},
        {"blk.0.ffn_down_exps.weight", {2, 64, 32}, Dtype::F16},
        {"blk.0.ffn_gate_inp.weight", {2, 64}, Dtype::F32}}},
      {"gemma 3 inside of a bigger model",
       R"({"model_type": "gemma3", "text_config": {"model_type": "gemma3_text", "num_hidden_layers": 1}})",
       "gemma3",
       {{"language_model.model.embed_tokens.weight", Dtype::BF16, {96, 64}},
        {"language_model.model.layers.0.post_attention_layernorm.weight", Dtype::BF16, {64}},
        {"language_model.model.layers.0.pre_feedforward_layernorm.weight", Dtype::BF16, {64}},
        {"language_model.lm_head.weight", Dtype::BF16, {96, 64}},
        {"multi_modal_projector.mm_soft_emb_norm.weight", Dtype::BF16, {64}},
        {"vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight", Dtype::BF16, {64, 64}},
        {"vision_tower.vision_model.embeddings.patch_embedding.bias", Dtype::BF16, {64}}},
       {{"token_embd.weight", {96, 64}, Dtype::BF16},
        {"blk.0.post_attention_norm.weight", {64}, Dtype::F32},
        {"blk.0.ffn_norm.weight", {64}, Dtype::F32}}},
      {"phi 3, fused",
       R"({"model_type": "phi3", "rope_scaling": {"type": "longrope", "long_factor": [1, 2, 3], "short_factor": [1, 1, 1]}})",
       "phi3",
       {{"model.layers.0.self_attn.qkv_proj.weight", Dtype::BF16, {192, 64}},
        {"model.layers.0.mlp.gate_up_proj.weight", Dtype::BF16, {256, 64}}},
       {{"blk.0.attn_qkv.weight", {192, 64}, Dtype::BF16},
        {"blk.0.ffn_up.weight", {256, 64}, Dtype::BF16},
        {"rope_factors_long.weight", {3}, Dtype::F32},
        {"rope_factors_short.weight", {3}, Dtype::F32}}},
      {"deepseek 2: latent attention apart, no prediction of further tokens",
       R"({"model_type": "deepseek_v3", "num_hidden_layers": 1, "qk_nope_head_dim": 16, "v_head_dim": 24,
           "num_attention_heads": 4})",
       "deepseek2",
       {{"model.layers.0.self_attn.kv_b_proj.weight", Dtype::BF16, {160, 32}},
        {"model.layers.0.self_attn.kv_a_proj_with_mqa.weight", Dtype::BF16, {40, 64}},
        {"model.layers.0.mlp.gate.e_score_correction_bias", Dtype::F32, {4}},
        {"model.layers.1.eh_proj.weight", Dtype::BF16, {64, 128}}},
       {{"blk.0.attn_k_b.weight", {4, 32, 16}, Dtype::BF16},
        {"blk.0.attn_v_b.weight", {4, 24, 32}, Dtype::BF16},
        {"blk.0.attn_kv_a_mqa.weight", {40, 64}, Dtype::BF16},
        {"blk.0.exp_probs_b.bias", {4}, Dtype::F32}}},
      {"gpt-oss: experts stay in four bits, gate and up are parted",
       R"({"model_type": "gpt_oss", "num_local_experts": 2})",
       "gpt-oss",
       {{"model.layers.0.mlp.experts.gate_up_proj_blocks", Dtype::U8, {2, 64, 2, 16}},
        {"model.layers.0.mlp.experts.gate_up_proj_scales", Dtype::U8, {2, 64, 2}},
        {"model.layers.0.mlp.experts.gate_up_proj_bias", Dtype::BF16, {2, 64}},
        {"model.layers.0.mlp.experts.down_proj_bias", Dtype::BF16, {2, 64}},
        {"model.layers.0.self_attn.sinks", Dtype::BF16, {4}},
        {"model.layers.0.mlp.router.weight", Dtype::BF16, {2, 64}},
        {"model.layers.0.mlp.router.bias", Dtype::BF16, {2}},
        {"model.layers.0.post_attention_layernorm.weight", Dtype::BF16, {64}}},
       {{"blk.0.ffn_gate_exps.weight", {2, 32, 64}, Dtype::MXFP4},
        {"blk.0.ffn_up_exps.weight", {2, 32, 64}, Dtype::MXFP4},
        {"blk.0.ffn_gate_exps.bias", {2, 32}, Dtype::F32},
        {"blk.0.ffn_up_exps.bias", {2, 32}, Dtype::F32},
        {"blk.0.ffn_down_exps.bias", {2, 64}, Dtype::F32},
        {"blk.0.attn_sinks.weight", {4}, Dtype::F32},
        {"blk.0.ffn_gate_inp.weight", {2, 64}, Dtype::F32},
        {"blk.0.ffn_gate_inp.bias", {2}, Dtype::F32},
        {"blk.0.post_attention_norm.weight", {64}, Dtype::F32}}},
      {"granite with experts",
       R"({"model_type": "granitemoehybrid", "num_local_experts": 4})",
       "granitehybrid",
       {{"model.layers.0.block_sparse_moe.input_linear.weight", Dtype::BF16, {4, 64, 32}},
        {"model.layers.0.block_sparse_moe.output_linear.weight", Dtype::BF16, {4, 32, 32}},
        {"model.layers.0.block_sparse_moe.router.layer.weight", Dtype::BF16, {4, 32}},
        {"model.layers.0.shared_mlp.input_linear.weight", Dtype::BF16, {96, 32}},
        {"model.layers.0.shared_mlp.output_linear.weight", Dtype::BF16, {32, 48}},
        {"model.layers.0.mamba.A_log", Dtype::BF16, {6}},
        {"model.layers.0.mamba.dt_bias", Dtype::BF16, {6}},
        {"model.layers.0.mamba.conv1d.weight", Dtype::BF16, {64, 1, 4}}},
       {{"blk.0.ffn_gate_exps.weight", {4, 32, 32}, Dtype::BF16},
        {"blk.0.ffn_up_exps.weight", {4, 32, 32}, Dtype::BF16},
        {"blk.0.ffn_down_exps.weight", {4, 32, 32}, Dtype::BF16},
        {"blk.0.ffn_gate_inp.weight", {4, 32}, Dtype::F32},
        {"blk.0.ffn_gate_shexp.weight", {48, 32}, Dtype::BF16},
        {"blk.0.ffn_up_shexp.weight", {48, 32}, Dtype::BF16},
        {"blk.0.ffn_down_shexp.weight", {32, 48}, Dtype::BF16},
        {"blk.0.ssm_a", {6}, Dtype::F32},
        {"blk.0.ssm_dt.bias", {6}, Dtype::F32},
        {"blk.0.ssm_conv1d.weight", {64, 4}, Dtype::F32}}},
      {"granite without experts",
       R"({"model_type": "granitemoehybrid"})",
       "granitehybrid",
       {{"model.layers.0.shared_mlp.input_linear.weight", Dtype::BF16, {96, 32}},
        {"model.layers.0.shared_mlp.output_linear.weight", Dtype::BF16, {32, 48}}},
       {{"blk.0.ffn_gate.weight", {48, 32}, Dtype::BF16},
        {"blk.0.ffn_up.weight", {48, 32}, Dtype::BF16},
        {"blk.0.ffn_down.weight", {32, 48}, Dtype::BF16}}},
      {"qwen 3.5: prediction of further tokens kept, behind the model's own blocks",
       R"({"model_type": "qwen3_5_text", "num_hidden_layers": 1, "mtp_num_hidden_layers": 1})",
       "qwen35",
       {{"model.language_model.layers.0.linear_attn.in_proj_qkv.weight", Dtype::BF16, {128, 64}},
        {"model.language_model.layers.0.linear_attn.in_proj_z.weight", Dtype::BF16, {64, 64}},
        {"model.language_model.layers.0.linear_attn.in_proj_a.weight", Dtype::BF16, {4, 64}},
        {"model.language_model.layers.0.linear_attn.norm.weight", Dtype::F32, {16}},
        {"mtp.fc.weight", Dtype::BF16, {64, 128}},
        {"mtp.layers.0.self_attn.q_proj.weight", Dtype::BF16, {64, 64}}},
       {{"blk.0.attn_qkv.weight", {128, 64}, Dtype::BF16},
        {"blk.0.attn_gate.weight", {64, 64}, Dtype::BF16},
        {"blk.0.ssm_alpha.weight", {4, 64}, Dtype::BF16},
        {"blk.0.ssm_norm.weight", {16}, Dtype::F32},
        {"blk.1.nextn.eh_proj.weight", {64, 128}, Dtype::BF16},
        {"blk.1.attn_q.weight", {64, 64}, Dtype::BF16}}},
      {"qwen 3 next: one tensor for queries, keys, values and gate",
       R"({"model_type": "qwen3_next", "linear_num_value_heads": 4, "linear_value_head_dim": 16})",
       "qwen3next",
       {{"model.layers.0.linear_attn.in_proj_qkvz.weight", Dtype::BF16, {192, 64}}},
       {{"blk.0.attn_qkv.weight", {128, 64}, Dtype::BF16}, {"blk.0.attn_gate.weight", {64, 64}, Dtype::BF16}}},
      {"internlm 2: queries, keys and values in one",
       R"({"model_type": "internlm2", "num_attention_heads": 4, "num_key_value_heads": 2})",
       "internlm2",
       {{"model.layers.0.attention.wqkv.weight", Dtype::BF16, {128, 64}},
        {"model.layers.0.feed_forward.w1.weight", Dtype::BF16, {96, 64}}},
       {{"blk.0.attn_q.weight", {64, 64}, Dtype::BF16},
        {"blk.0.attn_k.weight", {32, 64}, Dtype::BF16},
        {"blk.0.attn_v.weight", {32, 64}, Dtype::BF16},
        {"blk.0.ffn_gate.weight", {96, 64}, Dtype::BF16}}},
      {"dbrx: experts below each other",
       R"({"model_type": "dbrx", "ffn_config": {"moe_num_experts": 2}})",
       "dbrx",
       {{"transformer.blocks.0.ffn.experts.mlp.w1", Dtype::BF16, {96, 64}},
        {"transformer.blocks.0.ffn.experts.mlp.w2", Dtype::BF16, {96, 64}},
        {"transformer.blocks.0.ffn.router.layer.weight", Dtype::BF16, {2, 64}}},
       {{"blk.0.ffn_gate_exps.weight", {2, 48, 64}, Dtype::BF16},
        {"blk.0.ffn_down_exps.weight", {2, 64, 48}, Dtype::BF16},
        {"blk.0.ffn_gate_inp.weight", {2, 64}, Dtype::F32}}},
      {"llama 4: experts lie the other way round",
       R"({"model_type": "llama4_text", "num_local_experts": 2})",
       "llama4",
       {{"model.layers.0.feed_forward.experts.gate_up_proj", Dtype::BF16, {2, 64, 96}},
        {"model.layers.0.feed_forward.experts.down_proj", Dtype::BF16, {2, 48, 64}}},
       {{"blk.0.ffn_gate_exps.weight", {2, 48, 64}, Dtype::BF16},
        {"blk.0.ffn_up_exps.weight", {2, 48, 64}, Dtype::BF16},
        {"blk.0.ffn_down_exps.weight", {2, 64, 48}, Dtype::BF16}}},
      {"jamba: a single expert is none",
       R"({"model_type": "jamba", "num_experts": 2})",
       "jamba",
       {{"model.layers.0.feed_forward.experts.0.gate_proj.weight", Dtype::BF16, {96, 64}},
        {"model.layers.1.feed_forward.experts.0.gate_proj.weight", Dtype::BF16, {96, 64}},
        {"model.layers.1.feed_forward.experts.1.gate_proj.weight", Dtype::BF16, {96, 64}},
        {"model.layers.1.feed_forward.router.weight", Dtype::BF16, {2, 64}}},
       {{"blk.0.ffn_gate.weight", {96, 64}, Dtype::BF16},
        {"blk.1.ffn_gate_exps.weight", {2, 96, 64}, Dtype::BF16},
        {"blk.1.ffn_gate_inp.weight", {2, 64}, Dtype::F32}}},
      {"gpt 2: matrices lie the other way round, masks are dropped",
       R"({"model_type": "gpt2"})",
       "gpt2",
       {{"h.0.attn.c_attn.weight", Dtype::F32, {64, 192}},
        {"h.0.attn.bias", Dtype::F32, {1, 1, 8, 8}},
        {"wpe.weight", Dtype::F32, {32, 64}}},
       {{"blk.0.attn_qkv.weight", {192, 64}, Dtype::F16}, {"position_embd.weight", {32, 64}, Dtype::F32}}},
      {"gpt-neox",
       R"({"model_type": "gpt_neox"})",
       "gptneox",
       {{"gpt_neox.embed_in.weight", Dtype::F16, {96, 64}},
        {"gpt_neox.layers.0.attention.bias", Dtype::BOOL, {1, 1, 8, 8}},
        {"gpt_neox.layers.0.attention.masked_bias", Dtype::F32, {}},
        {"gpt_neox.layers.0.attention.query_key_value.bias", Dtype::F16, {192}},
        {"embed_out.weight", Dtype::F16, {96, 64}}},
       {{"token_embd.weight", {96, 64}, Dtype::F16},
        {"blk.0.attn_qkv.bias", {192}, Dtype::F32},
        {"output.weight", {96, 64}, Dtype::F16}}},
      {"bloom",
       R"({"model_type": "bloom"})",
       "bloom",
       {{"word_embeddings.weight", Dtype::F16, {96, 64}},
        {"word_embeddings_layernorm.bias", Dtype::F16, {64}},
        {"h.0.self_attention.query_key_value.weight", Dtype::F16, {192, 64}},
        {"h.0.mlp.dense_4h_to_h.weight", Dtype::F16, {64, 256}}},
       {{"token_embd.weight", {96, 64}, Dtype::F16},
        {"token_embd_norm.bias", {64}, Dtype::F32},
        {"blk.0.attn_qkv.weight", {192, 64}, Dtype::F16},
        {"blk.0.ffn_down.weight", {64, 256}, Dtype::F16}}},
      {"falcon",
       R"({"model_type": "falcon"})",
       "falcon",
       {{"transformer.word_embeddings.weight", Dtype::BF16, {96, 64}},
        {"transformer.h.0.ln_attn.weight", Dtype::BF16, {64}},
        {"transformer.h.0.ln_mlp.weight", Dtype::BF16, {64}},
        {"transformer.h.0.self_attention.dense.weight", Dtype::BF16, {64, 64}}},
       {{"token_embd.weight", {96, 64}, Dtype::BF16},
        {"blk.0.attn_norm_2.weight", {64}, Dtype::F32},
        {"blk.0.attn_norm.weight", {64}, Dtype::F32},
        {"blk.0.attn_output.weight", {64, 64}, Dtype::BF16}}},
      {"qwen 1: gate and up are called w2 and w1",
       R"({"model_type": "qwen"})",
       "qwen",
       {{"transformer.h.0.mlp.w1.weight", Dtype::BF16, {96, 64}},
        {"transformer.h.0.mlp.w2.weight", Dtype::BF16, {96, 64}},
        {"transformer.h.0.mlp.c_proj.weight", Dtype::BF16, {64, 96}},
        {"transformer.visual.transformer.resblocks.0.ln_1.weight", Dtype::BF16, {64}}},
       {{"blk.0.ffn_up.weight", {96, 64}, Dtype::BF16},
        {"blk.0.ffn_gate.weight", {96, 64}, Dtype::BF16},
        {"blk.0.ffn_down.weight", {64, 96}, Dtype::BF16}}},
      {"stablelm: a norm per head",
       R"({"model_type": "stablelm"})",
       "stablelm",
       {{"model.layers.0.self_attn.q_layernorm.norms.0.weight", Dtype::BF16, {16}},
        {"model.layers.0.self_attn.q_layernorm.norms.1.weight", Dtype::BF16, {16}}},
       {{"blk.0.attn_q_norm.weight", {2, 16}, Dtype::F32}}},
      {"mamba",
       R"({"model_type": "mamba"})",
       "mamba",
       {{"backbone.embeddings.weight", Dtype::F32, {96, 64}},
        {"backbone.layers.0.norm.weight", Dtype::F32, {64}},
        {"backbone.layers.0.mixer.A_log", Dtype::F32, {128, 16}},
        {"backbone.layers.0.mixer.D", Dtype::F32, {128}},
        {"backbone.layers.0.mixer.dt_proj.weight", Dtype::F32, {128, 8}},
        {"backbone.layers.0.mixer.dt_proj.bias", Dtype::F32, {128}},
        {"backbone.norm_f.weight", Dtype::F32, {64}}},
       {{"token_embd.weight", {96, 64}, Dtype::F16},
        {"blk.0.attn_norm.weight", {64}, Dtype::F32},
        {"blk.0.ssm_a", {128, 16}, Dtype::F32},
        {"blk.0.ssm_d", {128}, Dtype::F32},
        {"blk.0.ssm_dt.weight", {128, 8}, Dtype::F16},
        {"blk.0.ssm_dt.bias", {128}, Dtype::F32},
        {"output_norm.weight", {64}, Dtype::F32}}},
      {"llama 3.1: a table of angles is added",
       R"({"model_type": "llama", "head_dim": 32, "rope_scaling": {"rope_type": "llama3"}})",
       "llama",
       {{"model.norm.weight", Dtype::BF16, {64}}},
       {{"output_norm.weight", {64}, Dtype::F32}, {"rope_freqs.weight", {16}, Dtype::F32}}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.family);
    const GgufPlan plan = plan_of(row.tensors, row.config);
    CHECK(plan.architecture == row.architecture);
    CHECK_FALSE(remarked(plan, "no known name"));
    check(plan, row.expected);
  }
}

TEST_CASE("quantised checkpoints count by the weights' own shape") {
  struct Row {
    std::string_view scheme, config;
    std::vector<TensorSpec> tensors;
    Shape shape;
  };
  const std::string module = "model.layers.0.mlp.down_proj";
  const std::vector<Row> rows = {
      {"gptq",
       R"({"model_type": "llama", "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 32}})",
       {{module + ".qweight", Dtype::I32, {16, 64}},
        {module + ".qzeros", Dtype::I32, {4, 8}},
        {module + ".scales", Dtype::F16, {4, 64}},
        {module + ".g_idx", Dtype::I32, {128}}},
       {64, 128}},
      {"awq",
       R"({"model_type": "llama", "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 32}})",
       {{module + ".qweight", Dtype::I32, {128, 8}},
        {module + ".qzeros", Dtype::I32, {4, 8}},
        {module + ".scales", Dtype::F16, {4, 64}}},
       {64, 128}},
      {"mlx",
       R"({"model_type": "llama", "quantization": {"bits": 4, "group_size": 64}})",
       {{module + ".weight", Dtype::U32, {64, 16}},
        {module + ".scales", Dtype::F16, {64, 2}},
        {module + ".biases", Dtype::F16, {64, 2}}},
       {64, 128}},
      {"bitsandbytes, flat",
       R"({"model_type": "llama", "hidden_size": 64, "quantization_config": {"quant_method": "bitsandbytes"}})",
       {{module + ".weight", Dtype::U8, {4096, 1}},
        {module + ".weight.absmax", Dtype::F32, {128}},
        {module + ".weight.quant_map", Dtype::F32, {16}},
        {module + ".weight.quant_state.bitsandbytes__nf4", Dtype::U8, {90}}},
       {64, 128}},
      {"fp8",
       R"({"model_type": "llama", "quantization_config": {"quant_method": "fp8"}})",
       {{module + ".weight", Dtype::F8_E4M3, {64, 128}}, {module + ".weight_scale_inv", Dtype::F32, {1, 1}}},
       {64, 128}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.scheme);
    check(plan_of(row.tensors, row.config), {{"blk.0.ffn_down.weight", row.shape, Dtype::F16}});
  }
}

TEST_CASE("a head that repeats the embedding") {
  const std::vector<TensorSpec> tensors = {{"model.embed_tokens.weight", Dtype::BF16, {96, 64}},
                                           {"lm_head.weight", Dtype::BF16, {96, 64}}};
  struct Row {
    std::string_view config;
    std::size_t written;
  };
  const std::vector<Row> rows = {
      {R"({"model_type": "gemma2"})", 1},
      {R"({"model_type": "deepseek_v2", "tie_word_embeddings": true})", 1},
      {R"({"model_type": "deepseek_v2", "tie_word_embeddings": false})", 2},
      {R"({"model_type": "qwen3", "tie_word_embeddings": true})", 2},  // its converter writes what is stored
      {R"({"model_type": "llama"})", 2},
  };
  for (const Row& row : rows) {
    CAPTURE(row.config);
    CHECK(plan_of(tensors, row.config).tensors.size() == row.written);
  }
}

TEST_CASE("what is assumed is said") {
  const std::vector<TensorSpec> tensors = {{"model.layers.0.self_attn.q_proj.weight", Dtype::F32, {64, 64}},
                                           {"model.layers.0.self_attn.k_proj.weight", Dtype::F32, {16, 64}},
                                           {"model.layers.0.mystery.weight", Dtype::F32, {4, 4}}};
  const GgufPlan plan = plan_gguf(describe(safetensors(tensors)));
  CHECK(plan.estimated_keys);
  CHECK(remarked(plan, "header is estimated"));
  CHECK(remarked(plan, "no config.json"));
  CHECK(remarked(plan, "'model.layers.0.mystery.weight'"));
  CHECK(plan.tensors.back().name == "model.layers.0.mystery.weight");
  CHECK(plan.architecture == "llama");
  CHECK(plan.heads / plan.kv_heads == 4);  // from the shapes
  CHECK(remarked(plan_of(tensors, R"({"model_type": "unheard"})"), "no GGUF architecture"));
}

TEST_CASE("the rules' numbers of a checkpoint") {
  const std::vector<TensorSpec> tensors = {{"model.layers.0.self_attn.kv_b_proj.weight", Dtype::BF16, {80, 32}}};
  const GgufPlan latent = plan_of(tensors, R"({"model_type": "deepseek_v2", "num_hidden_layers": 3,
      "num_attention_heads": 2, "num_key_value_heads": 2, "qk_nope_head_dim": 16, "v_head_dim": 24})");
  CHECK(latent.heads == 2);
  CHECK(latent.kv_heads == 1);
  CHECK(latent.layers == 3);
  const GgufPlan predicting = plan_of({{"model.norm.weight", Dtype::BF16, {8}}}, R"({"model_type": "glm4_moe",
      "num_hidden_layers": 46, "num_nextn_predict_layers": 1, "num_attention_heads": 96, "num_key_value_heads": 8})");
  CHECK(predicting.layers == 47);
  CHECK(predicting.nextn == 1);
  CHECK(predicting.heads == 96);
  CHECK(predicting.kv_heads == 8);
}

TEST_CASE("the tables of names have no row twice") {
  for (const auto rows : {block_names(), outer_names()}) {
    std::set<std::string_view> names;
    for (const NameRow& row : rows) {
      CAPTURE(row.from);
      CHECK(names.insert(row.from).second);
      CHECK_FALSE(row.to.empty());
      const bool parted = row.change == Change::Halves;
      CHECK((!parted || row.to.find("gate") != row.to.npos));
      CHECK((row.change == Change::Stack) == (row.from.find('#') != row.from.npos));
    }
  }
}
