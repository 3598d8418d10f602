#include "src/model/naming/roles.h"

#include <set>

#include "src/model/naming/name_reader.h"
#include "tests/catch.h"
#include "tests/model/builder.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

// The role of one tensor of that name, as the whole model has it.
Role role_of(const std::string& name, bool in_gguf = false, std::string_view config = "{}") {
  const std::vector<TensorSpec> tensors = {{name, Dtype::BF16, {4, 4}}};
  const Model model = describe(in_gguf ? gguf(tensors, {}) : safetensors(tensors, config));
  return model.tensors.front().role;
}

struct Row {
  std::string name;
  Role role;
};

}  // namespace

TEST_CASE("every role has a name of its own") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Role::Count); ++i) names.insert(role_name(static_cast<Role>(i)));
  CHECK(names.size() == static_cast<std::size_t>(Role::Count));
}

TEST_CASE("no row of a table of patterns is hidden behind an earlier one of the same pattern") {
  for (const Naming naming : {Naming::Gguf, Naming::HuggingFace, Naming::Diffusers}) {
    std::set<std::string_view> seen;
    for (const RolePattern& row : role_patterns(naming)) {
      CAPTURE(row.pattern);
      CHECK(seen.insert(row.pattern).second);
    }
  }
}

TEST_CASE("the patterns' own language") {
  struct Case {
    std::string_view module;
    Role role;
  };
  for (const Case& c : std::initializer_list<Case>{
           {"self_attn.q_proj", Role::AttentionQ},              // the last part
           {"transformer.attn.c_proj", Role::AttentionOutput},  // the last two
           {"mlp.c_proj", Role::DenseFfn},                      // others of the same last part
           {"lm_head.dense", Role::OutputHead},                 // ".*": below
           {"lm_head", Role::OutputHead},                       // and the part itself
           {"output", Role::OutputHead},                        // "^": from the beginning
           {"attention.output", Role::AttentionOther},          // not from the beginning
           {"ff.net.0.proj", Role::DenseFfn},                   //
           {"attn1.to_out.0", Role::AttentionOutput},           // "#": any number
           {"post_attention_layernorm_2", Role::Norm},          // "*" at both ends
           {"q_proj.base_layer", Role::AttentionQ},             // what wraps a weight is looked through
           {"my_q_proj", Role::Other},                          // whole parts only
           {"q_proj.else", Role::Other},
           {"", Role::Other},
           {"...", Role::Other},
       }) {
    CAPTURE(c.module);
    CHECK(role_of_module(c.module, Naming::HuggingFace) == c.role);
  }
}

TEST_CASE("roles by Hugging Face names") {
  for (const Row& row : std::initializer_list<Row>{
           {"model.embed_tokens.weight", Role::TokenEmbedding},
           {"shared.weight", Role::TokenEmbedding},
           {"transformer.wpe.weight", Role::OtherEmbedding},
           {"lm_head.weight", Role::OutputHead},
           {"score.weight", Role::OutputHead},
           {"model.layers.0.self_attn.q_proj.weight", Role::AttentionQ},
           {"model.layers.0.self_attn.k_proj.bias", Role::AttentionK},
           {"model.layers.0.self_attn.v_proj.weight", Role::AttentionV},
           {"model.layers.0.self_attn.o_proj.weight", Role::AttentionOutput},
           {"model.layers.0.self_attn.qkv_proj.weight", Role::AttentionFused},
           {"model.layers.0.self_attn.W_pack.weight", Role::AttentionFused},
           {"model.layers.0.self_attn.kv_a_proj_with_mqa.weight", Role::AttentionMla},
           {"model.layers.0.self_attn.kv_b_proj.weight", Role::AttentionMla},
           {"model.layers.0.self_attn.kv_a_layernorm.weight", Role::Norm},
           {"model.layers.0.self_attn.sinks", Role::AttentionOther},
           {"model.layers.0.self_attn.indexer.wq_b.weight", Role::AttentionOther},
           {"model.layers.0.self_attn.rotary_emb.inv_freq", Role::Buffer},
           {"transformer.h.0.attn.bias", Role::Buffer},
           {"gpt_neox.layers.0.attention.masked_bias", Role::Buffer},
           {"model.layers.0.mlp.down_proj.weight", Role::DenseFfn},
           {"decoder.block.0.layer.2.DenseReluDense.wo.weight", Role::DenseFfn},
           {"decoder.block.0.layer.0.SelfAttention.o.weight", Role::AttentionOutput},
           {"bert.encoder.layer.0.attention.self.query.weight", Role::AttentionQ},
           {"bert.encoder.layer.0.attention.output.dense.weight", Role::AttentionOutput},
           {"bert.encoder.layer.0.output.dense.weight", Role::DenseFfn},
           {"model.layers.0.mlp.gate.weight", Role::Router},
           {"model.layers.0.mlp.gate.e_score_correction_bias", Role::Router},
           {"model.layers.0.mlp.router.bias", Role::Router},
           {"model.layers.0.mlp.gate.weight_1", Role::Router},
           {"model.layers.0.mlp.shared_experts.up_proj.weight", Role::SharedExpert},
           {"model.layers.0.mlp.shared_expert_gate.weight", Role::SharedExpert},
           {"model.layers.0.linear_attn.A_log", Role::StateSpace},
           {"backbone.layers.0.mixer.in_proj.weight", Role::StateSpace},
           {"backbone.layers.0.mixer.D", Role::StateSpace},
           {"backbone.layers.0.mixer.q_proj.weight", Role::AttentionQ},
           {"model.layers.0.conv.in_proj.weight", Role::Convolution},
           {"model.layers.0.layer_scalar", Role::Residual},
           {"model.visual.blocks.0.attn.qkv.weight", Role::Vision},
           {"vision_tower.vision_model.embeddings.patch_embedding.weight", Role::Vision},
           {"model.visual.merger.mlp.0.weight", Role::Projector},
           {"multi_modal_projector.linear_1.weight", Role::Projector},
           {"model.connector.layers.0.self_attn.q_proj.weight", Role::Projector},
           {"audio_tower.layers.0.fc1.weight", Role::Audio},
           {"mtp.layers.0.mlp.up_proj.weight", Role::Prediction},
           {"mtp.fc.weight", Role::Prediction},
           {"model.layers.61.eh_proj.weight", Role::Prediction},
           {"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", Role::Adapter},
           {"something.entirely.else", Role::Other},
       }) {
    CAPTURE(row.name);
    CHECK(role_of(row.name) == row.role);
  }
}

TEST_CASE("roles by GGUF names") {
  for (const Row& row : std::initializer_list<Row>{
           {"token_embd.weight", Role::TokenEmbedding},
           {"per_layer_token_embd.weight", Role::TokenEmbedding},
           {"position_embd.weight", Role::OtherEmbedding},
           {"output.weight", Role::OutputHead},
           {"output_norm.weight", Role::Norm},
           {"cls.output.weight", Role::OutputHead},
           {"rope_freqs.weight", Role::Buffer},
           {"blk.0.attn_q.bias", Role::AttentionQ},
           {"blk.0.attn_qkv.weight", Role::AttentionFused},
           {"blk.0.attn_kv_a_mqa.weight", Role::AttentionMla},
           {"blk.0.attn_sinks.weight", Role::AttentionOther},
           {"blk.0.indexer.k_norm.weight", Role::AttentionOther},
           {"blk.0.attn_q_a_norm.weight", Role::Norm},
           {"dec.blk.0.cross_attn_o.weight", Role::AttentionOutput},
           {"blk.0.ffn_up.weight", Role::DenseFfn},
           {"blk.0.ffn_gate_inp.weight", Role::Router},
           {"blk.0.ffn_gate_inp.bias", Role::Router},
           {"blk.0.exp_probs_b.bias", Role::Router},
           {"blk.0.ffn_down_exps.scale", Role::Router},
           {"blk.0.ffn_gate_inp_shexp.weight", Role::SharedExpert},
           {"blk.0.ssm_a", Role::StateSpace},
           {"blk.0.time_mix_w1.weight", Role::StateSpace},
           {"blk.0.shortconv.conv.weight", Role::Convolution},
           {"blk.0.altup_proj.weight", Role::Residual},
           {"hrm.z_l_init", Role::Residual},
           {"blk.61.nextn.eh_proj.weight", Role::Prediction},
           {"v.blk.0.attn_q.weight", Role::Vision},
           {"v.patch_embd.weight", Role::Vision},
           {"a.blk.0.ffn_up.weight", Role::Audio},
           {"mm.0.weight", Role::Projector},
           {"blk.0.attn_q.weight.lora_a", Role::Adapter},
           {"a", Role::Other},
       }) {
    CAPTURE(row.name);
    CHECK(role_of(row.name, true) == row.role);
  }
}

TEST_CASE("roles by diffusers' names and those of the same networks in one file") {
  const std::string_view config = R"({"_class_name": "FluxTransformer2DModel"})";
  for (const Row& row : std::initializer_list<Row>{
           {"transformer_blocks.0.attn.to_q.weight", Role::AttentionQ},
           {"transformer_blocks.0.attn.add_k_proj.bias", Role::AttentionK},
           {"transformer_blocks.0.attn.to_out.0.weight", Role::AttentionOutput},
           {"transformer_blocks.0.ff.net.0.proj.weight", Role::DenseFfn},
           {"transformer_blocks.0.norm1.linear.weight", Role::Conditioning},
           {"transformer_blocks.0.norm1.weight", Role::Norm},
           {"time_text_embed.timestep_embedder.linear_1.weight", Role::Conditioning},
           {"x_embedder.weight", Role::OtherEmbedding},
           {"double_blocks.0.img_attn.qkv.weight", Role::AttentionFused},
           {"double_blocks.0.img_mod.lin.weight", Role::Conditioning},
           {"down_blocks.0.resnets.0.conv1.weight", Role::Convolution},
           {"down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_v.weight", Role::AttentionV},
           {"model.diffusion_model.input_blocks.0.0.weight", Role::Convolution},
       }) {
    CAPTURE(row.name);
    CHECK(role_of(row.name, false, config) == row.role);
  }
  // Without a config, and in a GGUF, the same names are found after those of the format's own.
  CHECK(role_of("double_blocks.0.img_attn.qkv.weight") == Role::AttentionFused);
  CHECK(role_of("double_blocks.0.img_mod.lin.weight", true) == Role::Conditioning);
}

TEST_CASE("quantisation overhead is a role of its own and stays in its layer") {
  const Model model = describe(safetensors({{"model.layers.3.self_attn.q_proj.qweight", Dtype::I32, {8, 64}},
                                            {"model.layers.3.self_attn.q_proj.qzeros", Dtype::I32, {1, 8}},
                                            {"model.layers.3.self_attn.q_proj.scales", Dtype::F16, {1, 64}}},
                                           R"({"quantization_config": {"quant_method": "gptq", "bits": 4}})"));
  CHECK(model.tensors[0].role == Role::AttentionQ);
  CHECK(model.tensors[1].role == Role::Overhead);
  CHECK(model.tensors[2].role == Role::Overhead);
  REQUIRE(model.blocks.size() == 2);
  const auto blocks = totals_by_block(model);
  CHECK(blocks[0].tensors == 0);
  CHECK(blocks[1].block.name == "model.layers.3");
  CHECK(blocks[1].block.layer == 3);
  CHECK(blocks[1].tensors == 3);
  CHECK(blocks[1].parameters == 64 * 64);
  CHECK(blocks[1].bytes == 4 * 8 * 64 + 4 * 8 + 2 * 64);
}

TEST_CASE("a delta net's inputs in a GGUF are no attention") {
  const Model model = describe(gguf({{"blk.0.attn_qkv.weight", Dtype::F16, {8, 8}},
                                     {"blk.0.attn_gate.weight", Dtype::F16, {8, 8}},
                                     {"blk.0.ssm_a", Dtype::F32, {8}},
                                     {"blk.1.attn_qkv.weight", Dtype::F16, {8, 8}}},
                                    {}));
  CHECK(model.tensors[0].role == Role::StateSpace);
  CHECK(model.tensors[1].role == Role::StateSpace);
  CHECK(model.tensors[3].role == Role::AttentionFused);
}

TEST_CASE("what no pattern knows is counted and named") {
  const auto note = [](std::vector<TensorSpec> tensors) -> std::string {
    const Model model = describe(safetensors(tensors));
    return model.findings.empty() ? "" : model.findings.front().message;
  };
  const TensorSpec known{"model.norm.weight", Dtype::F32, {4}};
  const auto odd = [](std::string name) { return TensorSpec{std::move(name), Dtype::F32, {4}}; };
  CHECK(note({known}).empty());
  CHECK(note({known, odd("foo")}) == "nothing is known of what 'foo' does: counted as other");
  CHECK(note({odd("foo"), odd("bar")}) == "nothing is known of what 'foo', 'bar' do: counted as other");
  CHECK(note({odd("a1"), odd("a2"), odd("a3"), odd("a4")}) ==
        "nothing is known of what 4 tensors do, 'a1', 'a2', 'a3' first: counted as other");
  const Model model = describe(safetensors({known, odd("foo")}));
  CHECK(codes(model).empty());
  CHECK(model.findings.front().severity == Severity::Note);
  CHECK(model.by_role.size() == 2);
}

TEST_CASE("expert numbers are read whichever way names are understood") {
  // More numbers than are told apart, and more shapes of names than are remembered.
  std::vector<TensorSpec> tensors;
  for (int i = 0; i < 3; ++i) {
    tensors.push_back({"layers.0.a.1.b.2.c.3.d.4.experts." + std::to_string(i) + ".w1.weight", Dtype::BF16, {4, 8}});
    tensors.push_back({"layers.1.layer.1.mlp.experts.expert_" + std::to_string(i) + ".wi.weight", Dtype::BF16, {4, 8}});
  }
  for (int i = 0; i < 5000; ++i) {
    tensors.push_back({"layers.2.kind" + std::to_string(i) + "x.mlp.experts.7.w1.weight", Dtype::BF16, {4, 8}});
  }
  const Checkpoint checkpoint = safetensors(tensors);
  const ReadNames names = read_names(tensors_of(checkpoint), Naming::HuggingFace);
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(names.tensors[i].expert.part == ExpertPart::Indexed);
    CHECK(names.tensors[i].expert.index == i / 2);
  }
  for (std::size_t i = 6; i < names.tensors.size(); ++i) CHECK(names.tensors[i].expert.index == 7);
  CHECK(names.blocks.size() == 4);
}
