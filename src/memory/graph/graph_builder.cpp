#include "src/memory/graph/graph_builder.h"

#include <algorithm>

#include "formats/dtype.h"

namespace weigh::core {

namespace {

bool quantized(Dtype type) { return info(type).block_elements > 1; }

// The largest power of two that divides a head, from 64 on; 0 when 64 does not.
std::uint64_t rotation_size(std::uint64_t head) {
  if (head == 0 || head % 64 != 0) return 0;
  std::uint64_t size = 64;
  while (head % (2 * size) == 0) size *= 2;
  return size;
}

// The engine reserves whole sequences: as many tokens for each.
std::uint64_t reserved_tokens(const Run& run, const Cells& cells) {
  return (cells.batch + run.sequences - 1) / run.sequences * run.sequences;
}

}  // namespace

GraphBuilder::GraphBuilder(const RunModel& model, const Run& run, const Cells& cells)
    : model_(model),
      run_(run),
      cells_(cells),
      tokens_(reserved_tokens(run, cells)),
      outputs_(std::min(run.outputs.value_or(tokens_), tokens_)) {
  positions_ = graph_.input("inp_pos", Element::I32, {tokens_ * model.position_values, 1, 1, 1});
  output_rows_ = graph_.input("out_ids", Element::I32, {outputs_, 1, 1, 1});
  state_rows_ = graph_.input("rs_s_copy", Element::I32, {run.sequences, 1, 1, 1});
  const bool caches = model.rule == nullptr || model.rule->memory != MemoryKind::None;
  if (!caches) cells_.streams = 1;
  full_ = cache_inputs(caches ? cells.full : tokens_);
  window_ = cache_inputs(caches ? cells.window : tokens_);
}

CacheInputs GraphBuilder::cache_inputs(std::uint64_t cells) {
  CacheInputs inputs;
  inputs.cells = cells;
  inputs.key_cells = graph_.input("k_idxs", Element::I64, {tokens_, 1, 1, 1});
  // Transposed values are written one by one.
  const std::uint64_t per_token = run_.flash_attention ? 1 : value_width(model_, model_.layers.front(), run_);
  inputs.value_cells = graph_.input("v_idxs", Element::I64, {tokens_ * std::max<std::uint64_t>(per_token, 1), 1, 1, 1});
  const Element mask = run_.flash_attention ? Element::F16 : Element::F32;
  inputs.mask = graph_.input("kq_mask", mask, {cells, tokens_ / cells_.streams, 1, cells_.streams});
  const auto attending = std::ranges::find_if(model_.layers, [](const LayerModel& l) { return l.cached; });
  if (attending == model_.layers.end()) return inputs;
  const std::uint64_t key = quantized(run_.key_type) ? rotation_size(attending->key_head) : 0;
  if (key != 0) inputs.key_rotation = graph_.input("k_rot", Element::F32, {key, key, 1, 1});
  // Values are rotated in the smallest pieces.
  const bool value = quantized(run_.value_type) && rotation_size(attending->value_head) != 0;
  if (value) inputs.value_rotation = graph_.input("v_rot", Element::F32, {64, 64, 1, 1});
  return inputs;
}

TensorId GraphBuilder::norm(TensorId of, std::string_view weight) {
  return graph_.with_weight(Op::Mul, graph_.unary(model_.has(kLayerNorm) ? Op::Norm : Op::RmsNorm, of), weight);
}

TensorId GraphBuilder::rope(const LayerModel& layer, TensorId of) {
  const auto number = static_cast<std::size_t>(&layer - model_.layers.data());
  const bool without = model_.has(kNoRope) || (model_.has(kWindowRope) && model_.window != 0 && !layer.sliding) ||
                       (model_.has(kRopeThreeOfFour) && number % 4 == 3);
  return without ? of : graph_.like(Op::Rope, of, positions_);
}

TensorId GraphBuilder::pick_rows(TensorId of) { return graph_.get_rows(of, output_rows_); }

// Tokens or ready embeddings: both ways are in the graph, one of them is taken, so the embeddings' input has its place
// in either case.
TensorId GraphBuilder::embed_tokens() {
  const TensorId tokens = graph_.input("inp_tokens", Element::I32, {tokens_, 1, 1, 1});
  const TensorId embeddings = graph_.input("inp_embd", Element::F32, {model_.embedding, tokens_, 1, 1});
  TensorId rows = graph_.make(Op::GetRows, {model_.embedding, tokens_, 1, 1}, {tokens}, Element::F32, "token_embd");
  graph_.expand(rows);
  graph_.expand(embeddings);
  if (model_.has(kPositionTable)) {
    rows = graph_.add(
        rows, graph_.make(Op::GetRows, {model_.embedding, tokens_, 1, 1}, {positions_}, Element::F32, "position_embd"));
  }
  return rows;
}

TensorId GraphBuilder::mixer(const LayerModel& layer, TensorId input) {
  switch (layer.mixer) {
    case Mixer::None: return input;
    case Mixer::Attention: return attention(layer, input);
    case Mixer::Latent: return latent_attention(layer, input);
    case Mixer::Mamba: return mamba(input);
    case Mixer::Mamba2: return mamba2(input);
    case Mixer::DeltaNet: return delta_net(input);
    case Mixer::ShortConvolution: return short_convolution(input);
    case Mixer::Other: break;
  }
  // Not known in detail: three projections of the layer's width, as the linear attentions have at least.
  const TensorId r = graph_.mul_mat("attn_q", input, model_.embedding);
  const TensorId k = graph_.mul_mat("attn_k", input, model_.embedding);
  const TensorId v = graph_.mul_mat("attn_v", input, model_.embedding);
  return graph_.mul_mat("attn_output", graph_.make(Op::GatedLinear, graph_.extent(r), {r, k, v}), model_.embedding);
}

TensorId GraphBuilder::feed_forward(const LayerModel& layer, TensorId input) {
  if ((layer.parts & kRouter) == 0) {
    return gated(input, layer.ffn, (layer.parts & kGate) != 0, (layer.parts & kJointGate) != 0);
  }
  const TensorId routed = experts(layer, input);
  if ((layer.parts & kSharedExpert) == 0) return routed;
  TensorId shared = gated(input, layer.shared_ffn, (layer.parts & kExpertGate) != 0, false);
  if ((layer.parts & kSharedRouter) != 0) {
    shared = graph_.mul(shared, graph_.unary(Op::Sigmoid, graph_.mul_mat("ffn_gate_inp_shexp", input, 1)));
  }
  return graph_.add(routed, shared);
}

TensorId GraphBuilder::sum(TensorId a, TensorId b, bool second_first) {
  return second_first ? graph_.add(b, a) : graph_.add(a, b);
}

TensorId GraphBuilder::layer(std::size_t number, TensorId input, bool last) {
  const LayerModel& layer = model_.layers[number];
  const bool has_ffn = (layer.parts & (kDense | kRouter)) != 0;
  const bool pick_here = last && !model_.has(kRowsAfterNorm);
  const bool own_norm = model_.has(kOwnFfnNorm);
  const bool parallel = has_ffn && ((layer.parts & (kFfnNorm | kPostMixerNorm)) == 0 || own_norm);
  TensorId residual = input;
  TensorId normed = (layer.parts & kInputNorm) != 0 ? norm(input, "attn_norm") : input;
  if (layer.mixer == Mixer::DeltaNet || (layer.parts & kQueryGate) != 0) graph_.expand(normed);
  TensorId mixed = mixer(layer, normed);
  if ((layer.parts & kParallelMamba) != 0) mixed = graph_.add(mixed, mamba2(norm(input, "attn_norm")));
  if (pick_here) {
    mixed = pick_rows(mixed);
    residual = pick_rows(residual);
    if (parallel && !own_norm) normed = pick_rows(normed);
  }
  if ((layer.parts & kPostMixerNorm) != 0) mixed = norm(mixed, "post_attention_norm");
  if (model_.has(kScaledResidual)) mixed = graph_.unary(Op::Scale, mixed);
  if (parallel) {
    const TensorId ffn = feed_forward(layer, own_norm ? norm(residual, "ffn_norm") : normed);
    return graph_.add(graph_.add(ffn, mixed), residual);
  }
  const TensorId middle = sum(mixed, residual, model_.has(kResidualFirst));
  if (!has_ffn) return middle;
  TensorId ffn = feed_forward(layer, (layer.parts & kFfnNorm) != 0 ? norm(middle, "ffn_norm") : middle);
  if ((layer.parts & kPostFfnNorm) != 0) ffn = norm(ffn, "post_ffw_norm");
  return sum(ffn, middle, model_.has(kInputFirst));
}

// The normed rows stay for whoever asks for embeddings, and of models that predict further tokens all of them.
void GraphBuilder::output_head(TensorId input) {
  TensorId normed = norm(input, "output_norm");
  graph_.mark_output(normed);
  if (model_.has(kRowsAfterNorm)) {
    normed = pick_rows(normed);
    graph_.mark_output(normed);
  }
  if (model_.has(kNoLogits)) return graph_.expand(normed);
  const TensorId logits = graph_.mul_mat("output", normed, model_.vocab);
  graph_.mark_output(logits);
  graph_.expand(logits);
}

Graph GraphBuilder::build() { return build_from(embed_tokens()); }

Graph GraphBuilder::build_device() {
  return build_from(graph_.input("embd", Element::F32, {model_.embedding, tokens_, 1, 1}));
}

Graph GraphBuilder::build_from(TensorId current) {
  std::size_t run = 0;
  for (std::size_t i = 0; i < model_.layers.size(); ++i) run = model_.layers[i].predicts ? run : i + 1;
  for (std::size_t i = 0; i < run; ++i) current = layer(i, current, i + 1 == run);
  output_head(current);
  return std::move(graph_);
}

}  // namespace weigh::core
