#include "src/memory/graph/layer_blocks.h"

#include <algorithm>

#include "formats/dtype.h"

namespace weigh::core {

TensorId residual_layer(GraphBuilder& b, const LayerStep& step, const Part& mix) {
  return residual_layer(b, step, mix, [&](TensorId normed) { return b.feed_forward(step.layer, normed); });
}

TensorId residual_layer(GraphBuilder& b, const LayerStep& step, const Part& mix, const Part& feed_forward) {
  TensorId mixed = mix(b.norm(step.input, "attn_norm"));
  TensorId residual = step.input;
  if (step.last && !b.model.has(kRowsAfterNorm)) {
    mixed = b.pick_rows(mixed);
    residual = b.pick_rows(residual);
  }
  const TensorId middle = b.graph.add(mixed, residual);
  return b.graph.add(feed_forward(b.norm(middle, "ffn_norm")), middle);
}

TensorId gate_values(GraphBuilder& b, const LayerModel& layer, TensorId heads, TensorId input) {
  if ((layer.parts & kAttentionGate) == 0) return heads;
  return b.graph.mul(heads, b.graph.unary(Op::Sigmoid, b.graph.mul_mat("attn_gate", input, b.graph.extent(heads)[0])));
}

TensorId keep_chosen(GraphBuilder& b, TensorId mask, TensorId chosen, Element zero) {
  Graph& g = b.graph;
  const Extent seen = g.extent(mask), picked = g.extent(chosen);
  const TensorId hidden = g.reshape(g.unary(Op::Fill, mask), {1, seen[0], seen[1], seen[3]});
  const TensorId zeros = g.unary(Op::Fill, g.input("leaf_zeros", zero, {1, picked[0], picked[1], picked[3]}));
  const TensorId rows = g.reshape(chosen, {picked[0], picked[1], picked[3], 1});
  return g.add(g.reshape(g.set_rows(hidden, zeros, rows), seen), mask);
}

Indexer::Indexer(GraphBuilder& b, bool always_rotated) : b_(b) {
  inputs_.cells = b.full.cells;
  inputs_.key_cells = b.graph.input("k_idxs_lid", Element::I64, {b.tokens, 1, 1, 1});
  inputs_.mask = b.graph.input("kq_mask_lid", Element::F16, b.graph.extent(b.full.mask));
  const bool quantized = info(b.run.key_type).block_elements > 1;
  const std::uint64_t size = always_rotated || quantized ? rotation_size(b.model.indexer_key) : 0;
  if (size != 0) inputs_.key_rotation = b.graph.input("k_rot_lid", Element::F32, {size, size, 1, 1});
}

namespace {

// An indexer's keys or queries, turned by position and, where the cache is rotated, as the cache is.
TensorId turned(GraphBuilder& b, const CacheInputs& indexer, TensorId of) {
  of = b.graph.like(Op::Rope, of, b.positions);
  const TensorId rotation = indexer.key_rotation;
  const bool whole = rotation != kOutside && b.graph.extent(rotation)[0] == b.model.indexer_key;
  return whole ? b.graph.mul_mat(rotation, of) : b.rotate(of, rotation);
}

}  // namespace

TensorId pick_cells(GraphBuilder& b, const CacheInputs& indexer, TensorId input, TensorId query_source) {
  Graph& g = b.graph;
  const std::uint64_t head = b.model.indexer_key, heads = b.model.indexer_heads;
  const std::uint64_t streams = b.cells.streams, each = b.tokens / streams;
  TensorId q = g.mul_mat("indexer.attn_q_b", query_source, head * heads);
  q = g.reshape(turned(b, indexer, g.reshape(q, {head, heads, b.tokens, 1})), {head, heads, each, streams});
  TensorId weights = g.reshape(g.mul_mat("indexer.proj", input, heads), {heads, each, 1, streams});
  weights = g.unary(Op::Scale, weights);
  const TensorId scores = g.make(Op::LightningIndexer, {indexer.cells, each, 1, streams}, {q, weights, indexer.mask});
  const std::uint64_t count = std::min(b.model.indexer_top, indexer.cells);
  return g.cont(g.make(Op::TopK, {count, each, 1, streams}, {scores}, Element::I32));
}

TensorId stream_of(Graph& g, TensorId streams, std::uint64_t number) {
  const Extent extent = g.extent(streams), stride = g.stride(streams);
  return g.view(streams, {extent[0], extent[2], 1, 1}, {stride[0], stride[2], stride[3], stride[3]},
                number * stride[1]);
}

TensorId mix_streams(Graph& g, TensorId streams, TensorId shares) {
  const std::uint64_t count = g.extent(streams)[1];
  TensorId sum = kOutside;
  for (std::uint64_t i = 0; i < count; ++i) {
    const TensorId part = g.mul(stream_of(g, streams, i), g.columns(shares, i, 1));
    sum = i == 0 ? part : g.add(sum, part);
  }
  return sum;
}

void Indexer::choose(TensorId input, TensorId query_source) {
  Graph& g = b_.graph;
  const std::uint64_t head = b_.model.indexer_key;
  TensorId k = g.unary(Op::Norm, g.mul_mat("indexer.attn_k", input, head));
  k = g.with_weight(Op::Add, g.with_weight(Op::Mul, k, "indexer.k_norm"), "indexer.k_norm");
  b_.store_keys(inputs_, turned(b_, inputs_, g.reshape(k, {head, 1, b_.tokens, 1})));
  chosen_ = pick_cells(b_, inputs_, input, query_source);
}

TensorId Indexer::only_chosen(TensorId mask) {
  return chosen_ == kOutside ? mask : keep_chosen(b_, mask, chosen_, Element::F32);
}

ResidualStreams::ResidualStreams(GraphBuilder& b, TensorId embedded)
    : b_(b), count_(std::clamp<std::uint64_t>(b.model.residual_streams, 1, 64)) {
  const TensorId one = b.graph.reshape(embedded, {b.model.embedding, 1, b.tokens, 1});
  all_ = b.graph.make(Op::Repeat, {b.model.embedding, count_, b.tokens, 1}, {one});
}

TensorId ResidualStreams::weigh(std::string_view weights, std::uint64_t rows) {
  Graph& g = b_.graph;
  const Extent e = g.extent(all_);
  return g.mul_mat(weights, g.unary(Op::RmsNorm, g.reshape(all_, {e[0] * e[1], e[2], 1, 1})), rows);
}

TensorId ResidualStreams::squash(TensorId of) {
  Graph& g = b_.graph;
  of = g.with_weight(Op::Add, g.with_weight(Op::Mul, of, "hc_scale"), "hc_base");
  return g.unary(Op::Scale, g.unary(Op::Sigmoid, of));
}

TensorId ResidualStreams::pick_rows() {
  Graph& g = b_.graph;
  const TensorId rows = b_.pick_rows(g.reshape(all_, {b_.model.embedding * count_, b_.tokens, 1, 1}));
  all_ = g.reshape(rows, {b_.model.embedding, count_, b_.outputs, 1});
  return squash(weigh("output_hc_fn", count_));
}

}  // namespace weigh::core
