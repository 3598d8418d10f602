#include "src/memory/layer_parts.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace weigh::core {

namespace {

// What a tensor behind "blk.N." says about its layer.
struct PartName {
  std::string_view name;
  std::uint64_t part;
};

constexpr auto kPartNames = std::to_array<PartName>({
    {"attn_gate.weight", kAttentionGate},
    {"attn_k_norm.weight", kKeyNorm},
    {"attn_norm.weight", kInputNorm},
    {"attn_norm_2.weight", kSecondNorm},
    {"attn_output_norm.weight", kPostMixerNorm},
    {"attn_q_a.weight", kLowRankQuery},
    {"attn_qkv.weight", kJointQkv},
    {"attn_sub_norm.weight", kAttentionSubNorm},
    {"attn_v.weight", kValues},
    {"dec.ffn_gate.weight", kGate},
    {"enc.ffn_gate.weight", kGate},
    {"exp_probs_b", kSelectionBias},
    {"exp_probs_b.bias", kSelectionBias},
    {"ffn_down.weight", kDense},
    {"ffn_down_exps.scale", kExpertScale},
    {"ffn_gate.weight", kGate},
    {"ffn_gate_exps.weight", kExpertGate},
    {"ffn_gate_inp.weight", kRouter},
    {"ffn_gate_inp_shexp.weight", kSharedRouter},
    {"ffn_gate_tid2eid.weight", kListedExperts},
    {"ffn_gate_up_exps.weight", kExpertJoint},
    {"ffn_norm", kFfnNorm},
    {"ffn_norm.weight", kFfnNorm},
    {"ffn_norm_exps.weight", kExpertNorm},
    {"ffn_routed_norm.weight", kRoutedNorm},
    {"ffn_sub_norm.weight", kFfnSubNorm},
    {"ffn_up_shexp.weight", kSharedExpert},
    {"layer_output_scale.weight", kLayerScale},
    {"post_attention_norm", kPostMixerNorm},
    {"post_attention_norm.weight", kPostMixerNorm},
    {"post_ffw_norm", kPostFfnNorm},
    {"post_ffw_norm.weight", kPostFfnNorm},
    {"ssm_dt_norm", kStateNorms},
    {"ssm_dt_norm.weight", kStateNorms},
    {"ssm_norm.weight", kStateNorm},
    {"time_mix_g1.weight", kTimeGate},
    {"time_mix_lerp_fused.weight", kFusedLerp},
    {"time_mix_ln.weight", kTimeNorm},
});

static_assert(std::ranges::is_sorted(kPartNames, {}, &PartName::name), "part_of() searches by halves");

std::uint64_t part_of(std::string_view name) {
  const auto* row = std::ranges::lower_bound(kPartNames, name, {}, &PartName::name);
  return row != kPartNames.end() && row->name == name ? row->part : 0;
}

// "attn_q.weight" of "blk.3.attn_q.weight"; empty for the names of other formats and what is outside of blocks.
std::string_view name_in_block(const Model& source, const TensorFacts& facts) {
  const std::string_view block = source.blocks[facts.block].name;
  const std::string_view name = facts.tensor->name;
  if (!block.starts_with("blk.") || name.size() == block.size()) return {};
  return name.substr(block.size() + 1);
}

std::uint64_t rows(const Tensor& tensor) {
  return tensor.shape.size() >= 2 ? tensor.shape[tensor.shape.size() - 2] : 0;
}
std::uint64_t columns(const Tensor& tensor) { return tensor.shape.empty() ? 0 : tensor.shape.back(); }

// Widths by which a layer is more than its parts.
struct Shapes {
  std::uint64_t query_rows = 0;
  std::uint64_t query_norm = 0;
  std::uint64_t gate_rows = 0;
  std::uint64_t up_rows = 0;
  std::uint64_t key_rows = 0;
  std::uint64_t value_rows = 0;
  bool merged_experts = false;
  bool state_space = false, state_input = false, delta = false, convolution = false, attention = false;
};

void read_tensor(std::string_view rest, const Tensor& tensor, LayerModel& layer, Shapes& shapes) {
  layer.parts |= part_of(rest);
  if (rest == "attn_q.weight") {
    shapes.query_rows = rows(tensor);
    shapes.attention = true;
  } else if (rest == "attn_k.weight") {
    shapes.key_rows = rows(tensor);
  } else if (rest == "attn_v.weight") {
    shapes.value_rows = rows(tensor);
  } else if (rest == "ssm_f_b.weight") {
    layer.decay_rank = columns(tensor);
  } else if (rest == "ssm_g_b.weight") {
    layer.gate_rank = columns(tensor);
  } else if (rest == "ffn_routed_down.weight") {
    layer.routed = rows(tensor);
  } else if (rest == "attn_gate.weight") {
    shapes.gate_rows = rows(tensor);
  } else if (rest == "ffn_down_chexps.weight") {
    layer.chunk_ffn = columns(tensor);
    layer.chunk_experts = tensor.shape.front();
  } else if (rest == "attn_q_norm.weight") {
    shapes.query_norm = tensor.elements;
  } else if (rest == "ffn_up.weight") {
    shapes.up_rows = rows(tensor);
  } else if (rest == "ffn_down.weight") {
    layer.ffn = columns(tensor);
  } else if (rest == "ffn_down_exps.weight") {
    layer.expert_ffn = columns(tensor);
    shapes.merged_experts = true;
  } else if (rest == "ffn_gate_inp.weight") {
    layer.experts = rows(tensor);  // also in a layer that the keys call dense
  } else if (rest == "ffn_down_shexp.weight") {
    layer.shared_ffn = columns(tensor);
  } else if (rest == "ssm_x.weight") {
    shapes.state_input = true;
  } else if (rest == "ssm_in.weight") {
    shapes.state_space = true;
  } else if (rest == "ssm_alpha.weight" || rest == "ssm_ba.weight" || rest == "ssm_beta_alpha.weight") {
    shapes.delta = true;
  } else if (rest == "shortconv.conv.weight") {
    shapes.convolution = true;
  } else if (rest == "attn_output.weight" || rest == "attn_kv_a_mqa.weight" || rest == "attn_kv.weight") {
    shapes.attention = true;
  }
}

// The projections of a safetensors model, where no config.json speaks of heads. A packed weight has fewer rows than it
// stands for only where rows are packed; then this is a guess too small, and better than none.
void read_projection(const TensorFacts& facts, Shapes& shapes) {
  const Tensor& tensor = *facts.tensor;
  if (tensor.shape.size() != 2 || facts.parameters == 0) return;
  if (tensor.name.ends_with("q_proj.weight")) shapes.query_rows = tensor.shape[0];
  if (tensor.name.ends_with("k_proj.weight")) shapes.key_rows = tensor.shape[0];
  if (tensor.name.ends_with("v_proj.weight")) shapes.value_rows = tensor.shape[0];
}

// Recurrent in a way of its own: RWKV, Kimi's delta attention, lightning attention. Their tensors are named as those of
// attention.
bool recurrent_otherwise(const RunModel& model, const LayerModel& layer) {
  if (!layer.recurrent || model.rule == nullptr) return false;
  return model.rule->state != StateRule::Ssm && model.rule->state != StateRule::ShortConvolution;
}

Mixer mixer_of(const RunModel& model, const LayerModel& layer, const Shapes& shapes) {
  if (recurrent_otherwise(model, layer)) return Mixer::Other;
  if (shapes.delta) return Mixer::DeltaNet;
  if (shapes.convolution) return Mixer::ShortConvolution;
  if (shapes.attention) return layer.mixer;
  if (shapes.state_space && shapes.state_input) return model.has(kStepPerHead) ? Mixer::PlamoMamba : Mixer::Mamba;
  if (shapes.state_space) return Mixer::Mamba2;
  return Mixer::None;
}

void infer_parts(const RunModel& model, const Shapes& shapes, LayerModel& layer) {
  layer.mixer = mixer_of(model, layer, shapes);
  if (shapes.attention && shapes.state_space) layer.parts |= kParallelMamba;
  // The layout of 2023, one tensor per expert.
  if ((layer.parts & kRouter) != 0 && !shapes.merged_experts) layer.parts |= kExpertGate;
  if (shapes.query_norm != 0) {
    const bool by_head = shapes.query_norm == layer.key_head || layer.mixer == Mixer::Latent;
    layer.parts |= by_head || model.has(kNormBehindRope) || (layer.parts & kJointQkv) != 0 ? kHeadNorms : kFlatNorms;
  }
  if (model.has(kNormsWithoutWeight)) layer.parts |= kInputNorm | kFfnNorm;
  if (shapes.gate_rows == layer.heads) layer.parts |= kGatePerHead;
  if (layer.mixer == Mixer::Attention && layer.heads != 0 && shapes.query_rows == 2 * layer.heads * layer.key_head) {
    layer.parts |= kQueryGate;
  }
  if ((layer.parts & kGate) == 0 && layer.ffn != 0 && shapes.up_rows == 2 * layer.ffn) layer.parts |= kJointGate;
  // gpt-oss and Qwen3-Next call the norm before the feed-forward part "post attention".
  constexpr std::uint64_t kBoth = kInputNorm | kPostMixerNorm;
  if ((layer.parts & kBoth) == kBoth && (layer.parts & (kFfnNorm | kPostFfnNorm)) == 0) {
    layer.parts = (layer.parts & ~kPostMixerNorm) | kFfnNorm;
  }
}

// Without a word on heads, the projections' rows say what is cached; how they are cut into heads changes no cache.
void guess_heads(const Shapes& shapes, LayerModel& layer) {
  constexpr std::uint64_t kUsualHead = 128;
  if (layer.heads != 0 || layer.recurrent || shapes.key_rows == 0) return;
  const std::uint64_t head = shapes.key_rows % kUsualHead == 0 ? kUsualHead : shapes.key_rows;
  layer.heads = shapes.query_rows / head;
  layer.kv_heads = shapes.key_rows / head;
  layer.key_head = head;
  layer.value_head = shapes.value_rows / layer.kv_heads;
  layer.cached = !layer.predicts;
  layer.headless = false;
}

// The mixer of a recurrent layer that no tensor tells about.
Mixer assumed_mixer(const RunModel& model, const LayerModel& layer) {
  if (recurrent_otherwise(model, layer)) return Mixer::Other;
  if (!layer.recurrent || layer.cached || model.rule == nullptr) return layer.mixer;
  if (model.rule->state == StateRule::ShortConvolution) return Mixer::ShortConvolution;
  if (model.rule->recurrent == RecurrentRule::Interval4) return Mixer::DeltaNet;
  if (model.has(kStepPerHead)) return Mixer::PlamoMamba;
  return model.ssm.groups == 0 ? Mixer::Mamba : Mixer::Mamba2;
}

void assume_parts(const RunModel& model, LayerModel& layer) {
  const auto when = [&](bool condition, std::uint64_t parts) { layer.parts |= condition ? parts : 0; };
  layer.mixer = assumed_mixer(model, layer);
  layer.decay_rank = layer.gate_rank = model.kda_head;
  when(model.rule != nullptr && model.rule->recurrent == RecurrentRule::Every && layer.cached, kParallelMamba);
  const bool hybrid = model.rule != nullptr && model.rule->memory == MemoryKind::Hybrid;
  when(layer.mixer == Mixer::Mamba && hybrid, kStateNorms);
  when(layer.mixer == Mixer::Mamba2, kStateNorm);
  when(true, kInputNorm | kValues);
  when(model.rule != nullptr && model.rule->state == StateRule::Rwkv, kFusedLerp | kTimeGate | kTimeNorm);
  when(layer.experts == 0 && layer.ffn != 0, kDense);
  when(layer.ffn != 0 && !model.has(kParallel), kFfnNorm);
  when(layer.experts != 0, kRouter | kExpertGate);
  when(layer.shared_ffn != 0, kSharedExpert);
  when(model.has(kFusedGate), kJointGate);
  when(!model.has(kUngated) && !model.has(kFusedGate), kGate);
  when(model.has(kFusedQkv), kJointQkv);
  when(model.has(kQkNorm), kHeadNorms);
  when(model.has(kPostNorms), kPostMixerNorm | kPostFfnNorm);
  when(model.q_lora_rank != 0, kLowRankQuery);
  when(model.rule != nullptr && model.rule->recurrent == RecurrentRule::Interval4 && layer.cached, kQueryGate);
}

// A later pass over weights that an earlier layer has shown. Stacks do not differ in their widths: they have one key.
void run_again(const LayerModel& earlier, LayerModel& layer) {
  layer.parts = earlier.parts;
  layer.mixer = earlier.mixer;
  layer.ffn = earlier.ffn;
}

}  // namespace

void read_layer_parts(const Model& source, RunModel& model) {
  std::vector<Shapes> shapes(model.layers.size());
  bool told = false;
  for (const TensorFacts& facts : source.tensors) {
    const auto layer = static_cast<std::size_t>(facts.layer);  // -1, outside of blocks, is none of them
    if (layer >= model.layers.size()) continue;
    if (const auto name = name_in_block(source, facts); !name.empty()) {
      read_tensor(name, *facts.tensor, model.layers[layer], shapes[layer]);
      told = true;
    } else if (facts.stack == Stack::Main) {
      read_projection(facts, shapes[layer]);
    }
  }
  const bool cached = !model.known() || model.rule->memory == MemoryKind::Attention;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    if (model.stacks.layers != 0 && i >= model.stacks.stored()) {
      run_again(model.layers[i % static_cast<std::size_t>(model.stacks.stored())], model.layers[i]);
      continue;
    }
    if (cached) guess_heads(shapes[i], model.layers[i]);
    if (told) {
      infer_parts(model, shapes[i], model.layers[i]);
    } else {
      assume_parts(model, model.layers[i]);
    }
  }
}

}  // namespace weigh::core
