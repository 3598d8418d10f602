#include "src/memory/graph/recipes.h"

namespace weigh::core {

namespace {

// The streams of Gemma 3n's hidden state, the rank of what is added to its attention, and the blocks whose feed-forward part is sparse: fixed in llama.cpp.
constexpr std::uint64_t kStreams = 4;
constexpr std::uint64_t kLaurelRank = 64;
constexpr std::size_t kSparseLayers = 10;

// One matrix of several that lie one after the other.
TensorId slice(Graph& graph, TensorId of, std::uint64_t number) {
  const Extent e = graph.extent(of), s = graph.stride(of);
  return graph.view(of, {e[0], e[1], 1, 1}, {s[0], s[1], s[2], s[2]}, number * s[2]);
}

// All of them but the first.
TensorId rest(Graph& graph, TensorId of) {
  const Extent e = graph.extent(of), s = graph.stride(of);
  return graph.view(of, {e[0], e[1], e[2] - 1, 1}, s, s[2]);
}

// Every token has an embedding for each block beside its own (build_inp_per_layer).
TensorId look_up_layers(GraphBuilder& b) {
  const std::uint64_t layers = b.layers_run();
  const TensorId ids = b.graph.input("inp_layer_tokens", Element::I32, {b.tokens, 1, 1, 1});
  const TensorId rows = b.look_up("per_layer_token_embd", ids, b.model.layer_embedding * layers);
  const TensorId each = b.graph.reshape(rows, {b.model.layer_embedding, layers, b.tokens, 1});
  const TensorId scaled = b.graph.unary(Op::Scale, each);
  b.graph.expand(scaled);
  return scaled;
}

// To which a projection of the token's own embedding is added; then block by block (project_per_layer_inputs).
TensorId project_layers(GraphBuilder& b, TensorId embeddings, TensorId looked_up) {
  Graph& graph = b.graph;
  const Extent each = graph.extent(looked_up);
  TensorId projected = graph.mul_mat("per_layer_model_proj", embeddings, each[0] * each[1]);
  projected = graph.reshape(graph.unary(Op::Scale, projected), each);
  projected = b.norm(projected, "per_layer_proj_norm");
  const TensorId sum = graph.unary(Op::Scale, graph.add(projected, looked_up));
  return graph.cont(graph.permute(sum, {0, 2, 1, 3}));
}

// The block's embedding, weighed by what `input` says of it.
TensorId gate_layer_embedding(GraphBuilder& b, TensorId input, TensorId layers, std::size_t number) {
  Graph& graph = b.graph;
  const TensorId gate = graph.unary(Op::Gelu, graph.mul_mat("inp_gate", input, b.model.layer_embedding));
  const TensorId own = graph.mul(gate, slice(graph, layers, number));
  return b.norm(graph.mul_mat("proj", own, b.model.embedding), "post_norm");
}

// Values are normed without a weight; without a projection of their own they are the keys before norm and rope. The
// last blocks attend to what an earlier one has cached.
TensorId attention_with_normed_values(GraphBuilder& b, const LayerModel& layer, TensorId input) {
  Graph& graph = b.graph;
  const auto heads = [&](TensorId of, std::uint64_t head, std::uint64_t count) {
    return graph.reshape(of, {head, count, b.tokens, 1});
  };
  TensorId q = graph.mul_mat("attn_q", input, layer.heads * layer.key_head);
  q = b.rope(layer, b.norm(heads(q, layer.key_head, layer.heads), "attn_q_norm"));
  TensorId k = kOutside, v = kOutside;
  if (layer.cached) {
    k = graph.mul_mat("attn_k", input, layer.kv_heads * layer.key_head);
    const bool own_values = (layer.parts & kValues) != 0;
    v = own_values ? graph.mul_mat("attn_v", input, layer.kv_heads * layer.value_head) : k;
    v = heads(v, own_values ? layer.value_head : layer.key_head, layer.kv_heads);
    v = graph.unary(Op::RmsNorm, v);
    k = b.rope(layer, b.norm(heads(k, layer.key_head, layer.kv_heads), "attn_k_norm"));
  }
  return graph.mul_mat("attn_output", b.attend(layer, q, k, v), b.model.embedding);
}

// A dense part for all tokens beside the experts, each between norms of its own; the router norms for itself.
TensorId dense_and_experts(GraphBuilder& b, const LayerModel& layer, TensorId input) {
  Graph& graph = b.graph;
  TensorId dense = b.dense(layer, b.norm(input, "ffn_norm"));
  dense = b.norm(dense, "post_ffw_norm_1");
  const TensorId normed = b.norm(input, "pre_ffw_norm_2");
  const TensorId scaled = graph.unary(Op::Scale, graph.unary(Op::RmsNorm, input));
  const TensorId router = graph.with_weight(Op::Mul, scaled, "ffn_gate_inp.scale");
  const TensorId routed = b.experts(layer, normed, graph.mul_mat("ffn_gate_inp", router, layer.experts));
  return graph.add(dense, b.norm(routed, "post_ffw_norm_2"));
}

TensorId stream_router(GraphBuilder& b, TensorId input) {
  const TensorId scaled = b.graph.unary(Op::Scale, b.norm(input, "altup_router_norm"));
  return b.graph.unary(Op::Tanh, b.graph.mul_mat("altup_router", scaled, kStreams));
}

// A first guess of what the block makes of each stream (altup_predict).
TensorId predict_streams(GraphBuilder& b, TensorId streams) {
  Graph& graph = b.graph;
  const TensorId router = stream_router(b, slice(graph, streams, 0));
  TensorId factors = graph.mul_mat("altup_predict_coef", router, kStreams * kStreams);
  factors = graph.reshape(factors, {kStreams, kStreams, b.tokens, 1});
  const TensorId turned = graph.cont(graph.permute(streams, {1, 2, 0, 3}));
  const TensorId change = graph.cont(graph.permute(graph.mul_mat(turned, factors), {0, 2, 1, 3}));
  return graph.add(change, streams);
}

// The guesses, put right by how far off the active stream's was (altup_correct).
TensorId correct_streams(GraphBuilder& b, TensorId predicted, TensorId active) {
  Graph& graph = b.graph;
  const TensorId error = graph.like(Op::Sub, active, slice(graph, predicted, 0));
  const TensorId repeated = graph.make(Op::Repeat, graph.extent(predicted), {error});
  TensorId factors = graph.mul_mat("altup_correct_coef", stream_router(b, active), kStreams);
  factors = graph.cont(graph.transpose(graph.unary(Op::Scale, factors)), {1, b.tokens, kStreams, 1});
  return graph.add(graph.mul(repeated, factors), predicted);
}

// Only what stands out from the mean by some deviations is left of the gate (gaussian_topk).
TensorId sparse(Graph& graph, TensorId gate) {
  Extent one = graph.extent(gate);
  one[0] = 1;
  const TensorId mean = graph.make(Op::Mean, one, {gate});
  TensorId deviation = graph.sum_rows(graph.unary(Op::Sqr, graph.like(Op::Sub, gate, mean)));
  deviation = graph.unary(Op::Sqrt, graph.unary(Op::Scale, deviation));
  const TensorId cut = graph.add(mean, graph.unary(Op::Scale, deviation));
  return graph.unary(Op::Relu, graph.like(Op::Sub, gate, cut));
}

TensorId gemma3n_feed_forward(GraphBuilder& b, const LayerStep& step, TensorId input) {
  Graph& graph = b.graph;
  const TensorId up = graph.mul_mat("ffn_up", input, step.layer.ffn);
  TensorId gate = graph.mul_mat("ffn_gate", input, step.layer.ffn);
  if (step.number < kSparseLayers) gate = sparse(graph, gate);
  return graph.mul_mat("ffn_down", graph.mul(up, graph.unary(Op::Gelu, gate)), b.model.embedding);
}

TensorId gemma3n_layer(GraphBuilder& b, const LayerStep& step, TensorId layers) {
  Graph& graph = b.graph;
  const TensorId predicted = predict_streams(b, step.input);
  const TensorId active = slice(graph, predicted, 0);
  const TensorId normed = b.norm(active, "attn_norm");
  TensorId low_rank = graph.mul_mat("laurel_r", graph.mul_mat("laurel_l", normed, kLaurelRank), b.model.embedding);
  low_rank = graph.add(b.norm(low_rank, "laurel_post_norm"), normed);
  TensorId mixed = b.norm(attention_with_normed_values(b, step.layer, normed), "post_attention_norm");
  mixed = graph.unary(Op::Scale, graph.add(graph.add(mixed, active), low_rank));
  TensorId ffn = gemma3n_feed_forward(b, step, b.norm(mixed, "ffn_norm"));
  ffn = graph.add(b.norm(ffn, "post_ffw_norm"), mixed);
  const TensorId corrected = correct_streams(b, predicted, ffn);
  const TensorId first = slice(graph, corrected, 0);
  const TensorId scaled = graph.with_weight(Op::Mul, slice(graph, corrected, 0), "altup_correct_scale");
  const TensorId embedding = gate_layer_embedding(b, scaled, layers, step.number);
  return graph.concat(first, graph.add(rest(graph, corrected), embedding), 2);
}

TensorId magnitude(Graph& graph, TensorId of) {
  return graph.unary(Op::Sqrt, graph.sum_rows(graph.unary(Op::Sqr, of)));
}

// Rows with the length of those of `like`.
TensorId with_magnitude(Graph& graph, TensorId rows, TensorId like) {
  const TensorId scaled = graph.mul(rows, magnitude(graph, like));
  return graph.like(Op::Div, scaled, magnitude(graph, rows));
}

}  // namespace

void gemma4_recipe(GraphBuilder& b) {
  TensorId current = b.embed_tokens();
  current = b.graph.unary(Op::Scale, current);
  TensorId layers = kOutside;
  if (b.model.layer_embedding != 0) layers = project_layers(b, current, look_up_layers(b));
  current = b.run_layers(current, [&](const LayerStep& step) {
    Graph& graph = b.graph;
    TensorId mixed = attention_with_normed_values(b, step.layer, b.norm(step.input, "attn_norm"));
    mixed = graph.add(b.norm(mixed, "post_attention_norm"), step.input);
    TensorId ffn = (step.layer.parts & kRouter) != 0 ? dense_and_experts(b, step.layer, mixed)
                                                     : b.dense(step.layer, b.norm(mixed, "ffn_norm"));
    ffn = graph.add(b.norm(ffn, "post_ffw_norm"), mixed);
    if (layers != kOutside) ffn = graph.add(ffn, gate_layer_embedding(b, ffn, layers, step.number));
    return ffn;
  });
  b.output_head(current);
}

void gemma3n_recipe(GraphBuilder& b) {
  Graph& graph = b.graph;
  const TensorId embeddings = graph.unary(Op::Scale, b.embed_tokens());
  const TensorId layers = project_layers(b, embeddings, look_up_layers(b));
  const std::uint64_t width = b.model.embedding;
  TensorId others = graph.make(Op::Repeat, {width, b.tokens, kStreams - 1, 1}, {embeddings});
  others = with_magnitude(graph, graph.mul_mat("altup_proj", others, width), embeddings);
  const TensorId streams = b.run_layers(graph.concat(embeddings, others, 2),
                                        [&](const LayerStep& step) { return gemma3n_layer(b, step, layers); });
  TensorId merged = slice(graph, streams, 0);
  others = graph.mul_mat("altup_unembd_proj", rest(graph, streams), width);
  others = with_magnitude(graph, others, slice(graph, streams, 0));
  for (std::uint64_t i = 0; i + 1 < kStreams; ++i) merged = graph.add(merged, slice(graph, others, i));
  b.output_head(b.pick_rows(graph.unary(Op::Scale, merged)));
}

}  // namespace weigh::core
