#include "src/memory/graph/layer_blocks.h"
#include "src/memory/graph/recipes.h"

namespace weigh::core {

namespace {

// Exponents of decay, which every layer scales by its own number.
struct Decays {
  TensorId query, key, diagonal, slopes;
};

Decays decay_inputs(GraphBuilder& b) {
  const std::uint64_t heads = b.model.layers.front().heads;
  return {.query = b.graph.input("q_decay_exp", Element::F32, {1, heads, b.tokens, 1}),
          .key = b.graph.input("k_decay_exp", Element::F32, {1, heads, b.tokens, 1}),
          .diagonal = b.graph.input("diag_decay_exp", Element::F32, {b.tokens, b.tokens, heads, 1}),
          .slopes = b.graph.input("slopes", Element::F32, {heads, 1, 1, 1})};
}

// Lightning attention: scores within the batch, and a state of all that came before.
TensorId lightning_attention(GraphBuilder& b, const LayerModel& layer, const Decays& decays, TensorId input) {
  Graph& g = b.graph;
  const std::uint64_t head = layer.key_head, heads = layer.heads, inner = head * heads;
  const auto decay = [&](TensorId exponent) { return g.unary(Op::Exp, g.unary(Op::Scale, exponent)); };
  const auto by_head = [&](TensorId of) { return g.permute(of, {0, 2, 1, 3}); };
  const auto by_token = [&](TensorId of) { return g.cont(g.permute(of, {1, 2, 0, 3})); };
  const TensorId state = g.reshape(b.load_state(head * inner), {head, head, heads, 1});
  const TensorId qkv =
      g.reshape(g.unary(Op::Silu, g.mul_mat("attn_qkv", input, 3 * inner)), {3 * head, heads, b.tokens, 1});
  const TensorId q = g.columns(qkv, 0, head), k = g.columns(qkv, head, head);
  const TensorId v = by_token(g.columns(qkv, 2 * head, head));
  const TensorId earlier = g.mul_mat(state, by_head(g.mul(q, decay(decays.query))));
  const TensorId scores = g.mul(g.mul_mat(by_head(k), by_head(q)), decay(decays.diagonal));
  TensorId out = g.add(earlier, g.mul_mat(v, scores));
  g.expand(out);
  const TensorId slopes = g.unary(Op::Exp, g.unary(Op::Scale, g.unary(Op::Scale, decays.slopes)));
  const TensorId kept = g.mul(state, g.reshape(slopes, {1, 1, heads, 1}));
  const TensorId added = g.mul_mat(by_token(g.mul(k, decay(decays.key))), v);
  g.expand(g.store(Op::Cpy, {g.add(kept, added)}));
  const TensorId gate = g.unary(Op::Sigmoid, g.mul_mat("attn_gate", input, inner));
  out = b.norm(g.reshape(g.cont(by_head(out)), {inner, b.tokens, 1, 1}), "attn_norm_2");
  const Extent rows = g.extent(input);
  return g.reshape(g.mul_mat("attn_output", g.mul(gate, out), b.model.embedding), rows);
}

}  // namespace

// llama.cpp src/models/minimax-01.cpp: sums are with what went into the mixer and the feed-forward part, scaled.
void lightning_recipe(GraphBuilder& b) {
  const Decays decays = decay_inputs(b);
  const TensorId result = b.run_layers(b.embed_tokens(), [&](const LayerStep& step) {
    const LayerModel& layer = step.layer;
    TensorId normed = b.norm(step.input, "attn_norm");
    TensorId mixed = layer.recurrent ? lightning_attention(b, layer, decays, normed) : b.attention(layer, normed);
    if (step.last) {
      mixed = b.pick_rows(mixed);
      normed = b.pick_rows(normed);
    }
    const TensorId middle = b.norm(b.graph.add(mixed, b.graph.unary(Op::Scale, normed)), "ffn_norm");
    return b.graph.add(b.feed_forward(layer, middle), b.graph.unary(Op::Scale, middle));
  });
  b.output_head(result);
}

}  // namespace weigh::core
