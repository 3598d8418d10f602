#include "src/memory/graph/recipes.h"

namespace weigh::core {

namespace {

// Queries of one text, keys and values of the same or another.
Projections project(GraphBuilder& b, const LayerModel& layer, TensorId input, TensorId seen) {
  Graph& graph = b.graph;
  const auto heads = [&](TensorId of, std::uint64_t width, std::uint64_t count) {
    return graph.reshape(of, {width, count, graph.extent(of)[1], 1});
  };
  const TensorId q = graph.mul_mat("attn_q", input, layer.heads * layer.key_head);
  const TensorId k = graph.mul_mat("attn_k", seen, layer.kv_heads * layer.key_head);
  const TensorId v = graph.mul_mat("attn_v", seen, layer.kv_heads * layer.value_head);
  return {heads(q, layer.key_head, layer.heads), heads(k, layer.key_head, layer.kv_heads),
          heads(v, layer.value_head, layer.kv_heads)};
}

// Each head's bias for each distance, in buckets (build_pos_bias).
TensorId position_bias(GraphBuilder& b, const LayerModel& layer, TensorId buckets) {
  Graph& graph = b.graph;
  const Extent e = graph.extent(buckets);
  const TensorId ids = graph.reshape(buckets, {e[0] * e[1], 1, 1, 1});
  const TensorId rows = graph.make(Op::GetRows, {layer.heads, e[0] * e[1], 1, 1}, {ids}, Element::F32, "attn_rel_b");
  return graph.cont(graph.permute(graph.reshape(rows, {layer.heads, e[0], e[1], 1}), {2, 0, 1, 3}));
}

TensorId self_attention(GraphBuilder& b, const LayerModel& layer, TensorId input, TensorId buckets) {
  const auto [q, k, v] = project(b, layer, input, input);
  const TensorId result = b.attend(layer, q, k, v, position_bias(b, layer, buckets));
  return b.graph.mul_mat("attn_o", result, b.model.embedding);
}

// To what the encoder has made of the text: of as many tokens as the model was made for, while nothing is known of it.
TensorId cross_attention(GraphBuilder& b, const LayerModel& layer, TensorId input, TensorId encoded,
                         const CacheInputs& inputs) {
  const auto [q, k, v] = project(b, layer, input, encoded);
  b.graph.expand(q);
  b.graph.expand(k);
  b.graph.expand(v);
  return b.graph.mul_mat("cross_attn_o", b.weigh(layer, inputs, {q, k, v}, layer.value_head), b.model.embedding);
}

TensorId feed_forward(GraphBuilder& b, const LayerModel& layer, TensorId mixed) {
  return b.graph.add(b.dense(layer, b.norm(mixed, "ffn_norm")), mixed);
}

TensorId bucket_input(GraphBuilder& b) {
  return b.graph.input("pos_bucket", Element::I32, {b.full.cells, b.tokens, 1, 1});
}

}  // namespace

// The engine reserves the decoder's graph alone.
void t5_recipe(GraphBuilder& b) {
  Graph& graph = b.graph;
  const std::uint64_t texts = b.model.trained_context.value_or(b.tokens);
  const TensorId rows = b.embed_tokens();
  const TensorId encoded = graph.input("cross_embd", Element::F32, {b.model.embedding, texts, 1, 1});
  const TensorId buckets = bucket_input(b);
  CacheInputs cross;
  cross.cells = texts;
  cross.mask = graph.input("cross_kq_mask", b.run.flash_attention ? Element::F16 : Element::F32,
                           {texts, b.tokens / b.cells.streams, 1, b.cells.streams});
  b.output_head(b.run_layers(rows, [&](const LayerStep& step) {
    TensorId mixed = self_attention(b, step.layer, b.norm(step.input, "attn_norm"), buckets);
    mixed = graph.add(mixed, step.input);
    TensorId crossed = cross_attention(b, step.layer, b.norm(mixed, "cross_attn_norm"), encoded, cross);
    if (step.last) {
      crossed = b.pick_rows(crossed);
      mixed = b.pick_rows(mixed);
    }
    return feed_forward(b, step.layer, graph.add(crossed, mixed));
  }));
}

void t5encoder_recipe(GraphBuilder& b) {
  const TensorId rows = b.embed_tokens();
  const TensorId buckets = bucket_input(b);
  b.output_head(b.run_layers(rows, [&](const LayerStep& step) {
    TensorId mixed = self_attention(b, step.layer, b.norm(step.input, "attn_norm"), buckets);
    TensorId residual = step.input;
    if (step.last) {
      mixed = b.pick_rows(mixed);
      residual = b.pick_rows(residual);
    }
    return feed_forward(b, step.layer, b.graph.add(mixed, residual));
  }));
}

}  // namespace weigh::core
