#include "src/model/naming/tensor_name.h"

#include <string>

#include "tests/catch.h"

using namespace weigh::core;

TEST_CASE("a tensor's name tells its block") {
  struct Row {
    std::string_view name, block, rest;
    Stack stack;
    int layer;
  };
  const Row rows[] = {
      {"blk.12.attn_q.weight", "blk.12", "attn_q.weight", Stack::Main, 12},
      {"model.layers.3.mlp.experts.7.w1.weight", "model.layers.3", "mlp.experts.7.w1.weight", Stack::Main, 3},
      {"transformer.h.0.attn.c_attn.bias", "transformer.h.0", "attn.c_attn.bias", Stack::Main, 0},
      {"gpt_neox.layers.5.attention.bias", "gpt_neox.layers.5", "attention.bias", Stack::Main, 5},
      {"model.language_model.layers.9.router.scale", "model.language_model.layers.9", "router.scale", Stack::Main, 9},
      {"bert.encoder.layer.11.output.dense.weight", "bert.encoder.layer.11", "output.dense.weight", Stack::Encoder, 11},
      {"decoder.block.2.layer.1.mlp.wi.weight", "decoder.block.2", "layer.1.mlp.wi.weight", Stack::Decoder, 2},
      {"dec.blk.2.attn_q.weight", "dec.blk.2", "attn_q.weight", Stack::Decoder, 2},
      {"v.blk.2.attn_q.weight", "v.blk.2", "attn_q.weight", Stack::Vision, 2},
      {"a.blk.2.attn_q.weight", "a.blk.2", "attn_q.weight", Stack::Audio, 2},
      {"model.vision_tower.encoder.layers.4.norm.weight", "model.vision_tower.encoder.layers.4", "norm.weight",
       Stack::Vision, 4},
      {"mtp.layers.0.mlp.gate.weight", "mtp.layers.0", "mlp.gate.weight", Stack::Prediction, 0},
      {"model.mtp_layers.0.self_attn.q_proj.weight", "model.mtp_layers.0", "self_attn.q_proj.weight", Stack::Prediction,
       0},
      {"model.connector.layers.2.mlp.fc1.weight", "model.connector.layers.2", "mlp.fc1.weight", Stack::Projector, 2},
      {"double_blocks.7.img_attn.qkv.weight", "double_blocks.7", "img_attn.qkv.weight", Stack::Main, 7},
      {"model.a.layers.1.w.weight", "model.a.layers.1", "w.weight", Stack::Main, 1},
      {"token_embd.weight", "", "token_embd.weight", Stack::None, -1},
      {"lm_head.0.weight", "", "lm_head.0.weight", Stack::None, -1},
      {"model.layers.99999999999999999999.w", "", "model.layers.99999999999999999999.w", Stack::None, -1},
      {"model.layers.x.w", "", "model.layers.x.w", Stack::None, -1},
      {"model.layers.", "", "model.layers.", Stack::None, -1},
      {"", "", "", Stack::None, -1},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const NameParts parts = parse_name(row.name);
    CHECK(parts.block == row.block);
    CHECK(parts.rest == row.rest);
    CHECK(parts.stack == row.stack);
    CHECK(parts.layer == row.layer);
  }
}

TEST_CASE("a path tells of which series it is, a short word only in front of others") {
  CHECK(stack_of("model.visual.patch_embed") == Stack::Vision);
  CHECK(stack_of("v.patch_embd") == Stack::Vision);
  CHECK(stack_of("v") == Stack::Main);
  CHECK(stack_of("attn.v") == Stack::Main);
  CHECK(stack_of("mm.0") == Stack::Projector);
  CHECK(stack_of("decoder.embed_tokens") == Stack::Decoder);
  CHECK(stack_of("") == Stack::Main);
}

TEST_CASE("names that look like experts and are none") {
  for (const std::string_view rest :
       {"mlp.gate_proj.weight", "self_attn.gate.weight", "mlp.experts.e_score_correction_bias", "mlp.expert_bias",
        "ffn_norm_exps.weight", "exp_probs_b.bias", "ffn_gate.weight", "mlp.gate.bias", "moe.router_bias", "experts"}) {
    CAPTURE(rest);
    const ExpertPart part = expert_name(rest).part;
    CHECK(part == (rest == "experts" ? ExpertPart::Stacked : ExpertPart::None));
  }
  CHECK(expert_name("moe.experts.gate.weight").part == ExpertPart::Router);
  CHECK(expert_name("moe.experts.3.gate.weight").part == ExpertPart::Indexed);
  CHECK(expert_name("moe.experts.3.gate.weight").index == 3);
}
