#include "src/memory/graph/recipes.h"

namespace weigh::core {

namespace {

// Each part is added to what it was made of, and the sum is normed.
TensorId bert_layer(GraphBuilder& b, const LayerStep& step) {
  Graph& graph = b.graph;
  TensorId residual = step.input;
  TensorId mixed = b.attention(step.layer, step.input);
  if (step.last) {
    mixed = b.pick_rows(mixed);
    residual = b.pick_rows(residual);
  }
  mixed = b.norm(graph.add(mixed, residual), "attn_output_norm");
  if ((step.layer.parts & kSecondNorm) != 0) mixed = b.norm(graph.add(mixed, residual), "attn_norm_2");
  return b.norm(graph.add(b.feed_forward(step.layer, mixed), mixed), "layer_output_norm");
}

}  // namespace

void bert_recipe(GraphBuilder& b) {
  Graph& graph = b.graph;
  TensorId current = graph.with_weight(Op::Add, b.token_rows(), "token_types");
  if (b.model.has(kPositionTable)) {
    current = graph.add(b.look_up("position_embd", b.positions, b.model.embedding), current);
  }
  current = b.norm(current, "token_embd_norm");
  current = b.run_layers(current, [&](const LayerStep& step) { return bert_layer(b, step); });
  graph.mark_output(current);
  graph.expand(current);
}

void modern_bert_recipe(GraphBuilder& b) {
  const TensorId current = b.norm(b.token_rows(), "token_embd_norm");
  b.output_head(b.run_layers(current, [&](const LayerStep& step) { return b.plain_layer(step); }));
}

}  // namespace weigh::core
