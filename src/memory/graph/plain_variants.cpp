// Recipes that are the plain transformer's but for the way in which its parts are put together.
#include "src/memory/graph/recipes.h"

namespace weigh::core {

namespace {

// A dense part behind the attention as everywhere, and experts that read the layer's input (llama.cpp
// src/models/arctic.cpp).
TensorId arctic_layer(GraphBuilder& b, const LayerStep& step) {
  const LayerModel& layer = step.layer;
  TensorId residual = step.input;
  TensorId mixed = b.attention(layer, b.norm(step.input, "attn_norm"));
  if (step.last) {
    mixed = b.pick_rows(mixed);
    residual = b.pick_rows(residual);
  }
  const TensorId middle = b.graph.add(mixed, residual);
  const TensorId dense = b.graph.add(b.dense(layer, b.norm(middle, "ffn_norm")), middle);
  return b.graph.add(b.experts(layer, b.norm(residual, "ffn_norm_exps")), dense);
}

// The embeddings are added again behind each layer, scaled.
TensorId talkie_layer(GraphBuilder& b, const LayerStep& step, TensorId embedded) {
  const TensorId result = b.plain_layer(step);
  const TensorId again = step.last ? b.pick_rows(embedded) : embedded;
  return b.graph.add(result, b.graph.with_weight(Op::Mul, again, "layer_output_scale"));
}

}  // namespace

void arctic_recipe(GraphBuilder& b) {
  b.output_head(b.run_layers(b.embed_tokens(), [&](const LayerStep& step) { return arctic_layer(b, step); }));
}

void talkie_recipe(GraphBuilder& b) {
  const TensorId embedded = b.embed_tokens();
  b.output_head(b.run_layers(embedded, [&](const LayerStep& step) { return talkie_layer(b, step, embedded); }));
}

// All layers several times, with the last norm between two passes (llama.cpp src/models/nanbeige.cpp).
void nanbeige_recipe(GraphBuilder& b) {
  TensorId current = b.embed_tokens();
  for (std::uint64_t pass = 1; pass <= b.model.loops; ++pass) {
    const bool last = pass == b.model.loops;
    current = b.run_layers(current, [&](const LayerStep& step) {
      return b.plain_layer({step.layer, step.number, step.input, step.last && last});
    });
    if (!last) current = b.norm(current, "output_norm");
  }
  b.output_head(current);
}

// Two stacks of layers that work on a state each and are given the other's: the low one several times for each time of
// the high one (llama.cpp src/models/hrm_text.cpp).
void hrm_text_recipe(GraphBuilder& b) {
  const LayerStacks& stacks = b.model.stacks;
  if (stacks.layers == 0) return plain_recipe(b);
  TensorId high = b.embed_tokens();
  TensorId low = kOutside;
  std::size_t next = 0;
  const auto run_stack = [&](TensorId input) {
    for (std::uint64_t i = 0; i < stacks.layers && next < b.model.layers.size(); ++i, ++next) {
      b.graph.begin_layer(static_cast<std::int32_t>(next));
      input = b.plain_layer({b.model.layers[next], next, input, false});
    }
    b.graph.begin_layer(kOutside);
    return b.graph.unary(Op::RmsNorm, input);
  };
  for (std::uint64_t cycle = 0; cycle < stacks.high_cycles; ++cycle) {
    for (std::uint64_t i = 0; i < stacks.low_cycles; ++i) {
      const bool first = low == kOutside;
      low = run_stack(first ? b.graph.with_weight(Op::Add, high, "hrm.z_l_init") : b.graph.add(high, low));
    }
    high = run_stack(low == kOutside ? high : b.graph.add(high, low));
  }
  const TensorId picked = b.pick_rows(high);
  b.graph.mark_output(picked);
  const TensorId logits = b.graph.mul_mat("output", picked, b.model.vocab);
  b.graph.mark_output(logits);
  b.graph.expand(logits);
}

}  // namespace weigh::core
