#include "src/memory/graph/graph_builder.h"

#include <algorithm>

#include "formats/dtype.h"
#include "src/memory/graph/recipes.h"

namespace weigh::core {

namespace {

bool quantized(Dtype type) { return info(type).block_elements > 1; }

Run as_run(const RunModel& model, Run run) {
  if (model.has(kNoFlashAttention)) run.flash_attention = false;
  return run;
}

// The engine reserves whole sequences: as many tokens for each.
std::uint64_t reserved_tokens(std::uint64_t sequences, const Cells& cells) {
  return (cells.batch + sequences - 1) / sequences * sequences;
}

}  // namespace

std::uint64_t rotation_size(std::uint64_t head) {
  if (head == 0 || head % 64 != 0) return 0;
  std::uint64_t size = 64;
  while (head % (2 * size) == 0) size *= 2;
  return size;
}

GraphBuilder::GraphBuilder(const RunModel& of_model, const Run& of_run, const Cells& counted)
    : model(of_model),
      run(as_run(of_model, of_run)),
      caches(model.rule == nullptr || (model.rule->memory != MemoryKind::None && !model.has(kBatchAlone))),
      cells(counted),
      sequences(model.has(kOneSequence) ? 1 : run.sequences),
      tokens(reserved_tokens(sequences, cells)),
      outputs(std::min(run.outputs.value_or(tokens), tokens)) {
  positions = graph.input("inp_pos", Element::I32, {tokens * model.position_values, 1, 1, 1});
  output_rows = graph.input("out_ids", Element::I32, {outputs, 1, 1, 1});
  const TensorId states = graph.input("rs_s_copy", Element::I32, {run.sequences, 1, 1, 1});
  state_rows.batch = graph.view(states, {sequences, 1, 1, 1}, {4, 4, 4, 4}, 0);
  state_rows.others = graph.view(states, {run.sequences - sequences, 1, 1, 1}, {4, 4, 4, 4}, 4 * sequences);
  if (!caches) cells.streams = 1;
  full = cache_inputs(caches ? cells.full : tokens, false);
  window = cache_inputs(caches ? cells.window : tokens, true);
}

CacheInputs GraphBuilder::cache_inputs(std::uint64_t count, bool sliding) {
  CacheInputs inputs;
  inputs.cells = count;
  inputs.key_cells = graph.input("k_idxs", Element::I64, {tokens, 1, 1, 1});
  // Transposed values are written one by one.
  const std::uint64_t per_token = run.flash_attention ? 1 : value_width(model, model.layers.front(), run);
  inputs.value_cells = graph.input("v_idxs", Element::I64, {tokens * std::max<std::uint64_t>(per_token, 1), 1, 1, 1});
  const Element mask = run.flash_attention ? Element::F16 : Element::F32;
  inputs.mask = graph.input("kq_mask", mask, {count, tokens / cells.streams, 1, cells.streams});
  if (!caches) return inputs;
  const auto attending =
      std::ranges::find_if(model.layers, [&](const LayerModel& l) { return l.cached && l.sliding == sliding; });
  if (attending == model.layers.end()) return inputs;
  const std::uint64_t key = quantized(run.key_type) ? rotation_size(attending->key_head) : 0;
  if (key != 0) inputs.key_rotation = graph.input("k_rot", Element::F32, {key, key, 1, 1});
  // Values are rotated in the smallest pieces.
  const bool value = quantized(run.value_type) && rotation_size(attending->value_head) != 0;
  if (value) inputs.value_rotation = graph.input("v_rot", Element::F32, {64, 64, 1, 1});
  return inputs;
}

TensorId GraphBuilder::norm(TensorId of, std::string_view weight) {
  const TensorId normed = graph.unary(model.has(kLayerNorm) ? Op::Norm : Op::RmsNorm, of);
  return model.has(kNormsWithoutWeight) ? normed : graph.with_weight(Op::Mul, normed, weight);
}

TensorId GraphBuilder::rope(const LayerModel& layer, TensorId of) {
  const auto number = static_cast<std::size_t>(&layer - model.layers.data());
  const bool slides_only =
      model.has(kWindowRope) && model.window != 0 && !layer.sliding && !(model.has(kDenseRope) && layer.experts == 0);
  const bool without = model.has(kNoRope) || slides_only || (model.has(kRopeThreeOfFour) && number % 4 == 3);
  return without ? of : graph.like(Op::Rope, of, positions);
}

TensorId GraphBuilder::pick_rows(TensorId of) { return graph.get_rows(of, output_rows); }

// Tokens or ready embeddings: both ways are in the graph, one of them is taken, so the embeddings' input has its place
// in either case.
TensorId GraphBuilder::token_rows() {
  // Images bring rows for later blocks with them.
  const std::uint64_t width = model.embedding * (1 + model.deepstack_layers);
  token_ids = graph.input("inp_tokens", Element::I32, {tokens, 1, 1, 1});
  const TensorId embeddings = graph.input("inp_embd", Element::F32, {width, tokens, 1, 1});
  TensorId rows = look_up("token_embd", token_ids, model.embedding);
  if (width != model.embedding) rows = graph.make(Op::Pad, {width, tokens, 1, 1}, {rows});
  graph.expand(rows);
  graph.expand(embeddings);
  return rows;
}

TensorId GraphBuilder::embed_tokens() {
  TensorId rows = token_rows();
  if (model.has(kPositionTable)) rows = graph.add(rows, look_up("position_embd", positions, model.embedding));
  return model.has(kNormedEmbeddings) ? graph.unary(Op::RmsNorm, rows) : rows;
}

TensorId GraphBuilder::look_up(std::string_view table, TensorId ids, std::uint64_t width) {
  return graph.make(Op::GetRows, {width, tokens, 1, 1}, {ids}, Element::F32, table);
}

TensorId GraphBuilder::mixer(const LayerModel& layer, TensorId input) {
  switch (layer.mixer) {
    case Mixer::None: return input;
    case Mixer::Attention: return attention(layer, input);
    case Mixer::Latent: return latent_attention(layer, input);
    case Mixer::Mamba: return mamba(layer, input);
    case Mixer::Mamba2: return mamba2(layer, input);
    case Mixer::PlamoMamba: return plamo_mamba(input);
    case Mixer::DeltaNet: return delta_net(input);
    case Mixer::ShortConvolution: return short_convolution(input);
    case Mixer::Other: break;
  }
  // Not known in detail: three projections of the layer's width, as the linear attentions have at least.
  const TensorId r = graph.mul_mat("attn_q", input, model.embedding);
  const TensorId k = graph.mul_mat("attn_k", input, model.embedding);
  const TensorId v = graph.mul_mat("attn_v", input, model.embedding);
  return graph.mul_mat("attn_output", graph.make(Op::GatedLinear, graph.extent(r), {r, k, v}), model.embedding);
}

TensorId GraphBuilder::sum(TensorId a, TensorId b, bool second_first) {
  return second_first ? graph.add(b, a) : graph.add(a, b);
}

// A block that only has a feed-forward part, behind the one norm there is.
TensorId GraphBuilder::feed_forward_layer(const LayerStep& step) {
  const auto& [layer, number, input, last] = step;
  TensorId residual = input;
  TensorId normed = norm(input, "attn_norm");
  if (last && !model.has(kRowsAfterNorm)) {
    normed = pick_rows(normed);
    residual = pick_rows(residual);
  }
  return graph.add(feed_forward(layer, normed), residual);
}

TensorId GraphBuilder::plain_layer(const LayerStep& step) {
  const auto& [layer, number, input, last] = step;
  if (layer.mixer == Mixer::None) return feed_forward_layer(step);
  const bool has_ffn = (layer.parts & (kDense | kRouter)) != 0;
  const bool pick_here = last && !model.has(kRowsAfterNorm);
  const bool own_norm = model.has(kOwnFfnNorm);
  const bool parallel = has_ffn && ((layer.parts & (kFfnNorm | kPostMixerNorm)) == 0 || own_norm);
  TensorId residual = input;
  TensorId normed = (layer.parts & kInputNorm) != 0 ? norm(input, "attn_norm") : input;
  if (layer.mixer == Mixer::DeltaNet || (layer.parts & kQueryGate) != 0) graph.expand(normed);
  TensorId logits = model.has(kEarlyRouter) ? graph.mul_mat("ffn_gate_inp", input, layer.experts) : kOutside;
  TensorId mixed = mixer(layer, normed);
  if ((layer.parts & kParallelMamba) != 0) mixed = graph.add(mixed, mamba2(layer, norm(input, "attn_norm")));
  const bool norm_first = model.has(kPicksBehindPostNorm);
  if (norm_first && (layer.parts & kPostMixerNorm) != 0) mixed = norm(mixed, "post_attention_norm");
  if (pick_here && !model.has(kPicksBehindSum)) {
    mixed = pick_rows(mixed);
    residual = pick_rows(residual);
    if (parallel && !own_norm) normed = pick_rows(normed);
    if (logits != kOutside) logits = pick_rows(logits);
  }
  if (!norm_first && (layer.parts & kPostMixerNorm) != 0) mixed = norm(mixed, "post_attention_norm");
  if (model.has(kScaledResidual)) mixed = graph.unary(Op::Scale, mixed);
  if (parallel) {
    const TensorId ffn = feed_forward(layer, own_norm ? norm(residual, "ffn_norm") : normed, logits);
    if (model.has(kMixerBeforeFfn)) return graph.add(graph.add(mixed, ffn), residual);
    if (model.has(kInputBeforeMixer)) return graph.add(graph.add(ffn, residual), mixed);
    return graph.add(graph.add(ffn, mixed), residual);
  }
  TensorId middle = sum(mixed, residual, model.has(kResidualFirst));
  if (pick_here && model.has(kPicksBehindSum)) middle = pick_rows(middle);
  if (!has_ffn) return middle;
  TensorId ffn = feed_forward(layer, (layer.parts & kFfnNorm) != 0 ? norm(middle, "ffn_norm") : middle, logits);
  if ((layer.parts & kPostFfnNorm) != 0) ffn = norm(ffn, "post_ffw_norm");
  return sum(ffn, middle, model.has(kInputFirst));
}

// The normed rows stay for whoever asks for embeddings, and of models that predict further tokens all of them.
void GraphBuilder::output_head(TensorId input) {
  TensorId normed = norm(input, "output_norm");
  graph.mark_output(normed);
  if (model.has(kRowsAfterNorm)) {
    normed = pick_rows(normed);
    graph.mark_output(normed);
  }
  if (model.has(kNoLogits)) return graph.expand(normed);
  if (model.has(kScaledHead)) normed = graph.unary(Op::Scale, normed);
  logits(normed);
}

void GraphBuilder::logits(TensorId rows) {
  const TensorId result = graph.mul_mat("output", rows, model.vocab);
  graph.mark_output(result);
  graph.expand(result);
}

Graph GraphBuilder::build() {
  recipe_of(model)(*this);
  return std::move(graph);
}

std::size_t GraphBuilder::layers_run() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < model.layers.size(); ++i) count = model.layers[i].predicts ? count : i + 1;
  return count;
}

}  // namespace weigh::core
