#include <algorithm>

#include "src/memory/graph/layer_blocks.h"
#include "src/memory/graph/recipes.h"

namespace weigh::core {

namespace {

// Hyper-connections of low rank: what a part of a layer reads is one mixture of the residual streams.
class LowRankStreams {
 public:
  LowRankStreams(GraphBuilder& b, TensorId embedded)
      : b_(b), width_(b.model.embedding), count_(std::clamp<std::uint64_t>(b.model.residual_streams, 1, kMost)) {
    all_ =
        b.graph.make(Op::Repeat, {width_, count_, b.tokens, 1}, {b.graph.reshape(embedded, {width_, 1, b.tokens, 1})});
  }

  struct Names {
    std::string_view norm, down, up, inject;
  };

  void pass(const Names& names, const Part& part) {
    Graph& g = b_.graph;
    const TensorId flat = normed(names.norm);
    const TensorId shares = g.reshape(spread(names, flat), g.extent(all_));
    const TensorId in = g.make(Op::HyperPre, {width_, b_.tokens, 1, 1}, {g.reshape(flat, g.extent(all_)), shares});
    const TensorId out = part(in);
    TensorId inject = g.unary(Op::Scale, g.mul_mat(names.inject, flat, count_));
    inject = g.unary(Op::Scale, g.unary(Op::Sigmoid, inject));
    all_ = g.make(Op::HyperPost, g.extent(all_), {out, all_, inject});
  }

  // The mean of the streams, each gated.
  TensorId close(const Names& names) {
    Graph& g = b_.graph;
    const TensorId flat = normed(names.norm);
    const TensorId gated = g.mul(flat, g.unary(Op::Sigmoid, spread(names, flat)));
    const auto stream = [&](std::uint64_t i) { return g.columns(gated, i * width_, width_); };
    TensorId sum = g.cont(stream(0));
    for (std::uint64_t i = 1; i < count_; ++i) sum = g.add(sum, stream(i));
    return g.unary(Op::Scale, sum);
  }

 private:
  static constexpr std::uint64_t kMost = 64;

  TensorId normed(std::string_view weight) {
    const Extent& e = b_.graph.extent(all_);
    const Extent flat{e[0] * e[1], e[2], 1, 1};
    return b_.graph.reshape(b_.graph.with_weight(Op::Mul, b_.graph.unary(Op::RmsNorm, all_), weight), flat);
  }

  TensorId spread(const Names& names, TensorId flat) {
    const TensorId low = b_.graph.unary(Op::Scale, b_.graph.mul_mat(names.down, flat, b_.model.hyper_rank));
    return b_.graph.mul_mat(names.up, b_.graph.unary(Op::Silu, low), width_ * count_);
  }

  GraphBuilder& b_;
  std::uint64_t width_;
  std::uint64_t count_;
  TensorId all_ = kOutside;
};

// Cells are picked by scores of blocks of them, whose keys are the means of their cells'.
class BlockIndexer {
 public:
  explicit BlockIndexer(GraphBuilder& b, std::uint64_t ratio)
      : b_(b), ratio_(ratio), blocks_(b.full.cells / ratio), each_(b.tokens / b.cells.streams) {
    const std::uint64_t streams = b.cells.streams;
    cells_.key_cells = b.graph.input("k_idxs_lid", Element::I64, {b.tokens, 1, 1, 1});
    gather_ = b.graph.input("block_cells", Element::I32, {blocks_ * ratio_ * streams, 1, 1, 1});
    positions_ = b.graph.input("block_pos", Element::I32, {blocks_ * streams * b.model.position_values, 1, 1, 1});
    bias_ = b.graph.input("block_bias", Element::F32, {blocks_, each_, 1, streams});
    of_token_ = b.graph.input("of_token", Element::I32, {b.tokens, 1, 1, 1});
    block_of_ = b.graph.input("cell_block", Element::I32, {b.full.cells, streams, 1, 1});
  }

  void store(TensorId input) {
    const std::uint64_t head = b_.model.indexer_key;
    b_.store_keys(cells_, b_.graph.reshape(b_.graph.mul_mat("indexer.k_proj", input, head), {head, 1, b_.tokens, 1}));
  }

  TensorId mask(TensorId input) {
    Graph& g = b_.graph;
    const std::uint64_t head = b_.model.indexer_key, heads = b_.model.indexer_heads, streams = b_.cells.streams;
    const TensorId keys = block_keys();
    TensorId q = g.reshape(g.mul_mat("indexer.q_proj", input, head * heads), {head, heads, b_.tokens, 1});
    q = g.like(Op::Rope, b_.norm(q, "indexer.q_norm"), b_.positions);
    q = g.reshape(q, {head, heads * each_, 1, streams});
    TensorId scores = g.make(Op::MulMat, {blocks_, heads * each_, 1, streams}, {keys, q});
    scores = g.unary(Op::Relu, g.reshape(scores, {blocks_, heads, each_, streams}));
    const auto of_head = [&](std::uint64_t i) {
      const Extent s = g.stride(scores);
      return g.view(scores, {blocks_, each_, 1, streams}, {s[0], s[2], s[3], s[3]}, i * s[1]);
    };
    TensorId sum = g.cont(of_head(0));
    for (std::uint64_t i = 1; i < std::min(heads, kMostHeads); ++i) sum = g.add(sum, of_head(i));
    sum = g.cont(g.transpose(g.add(sum, bias_)));
    const std::uint64_t cells = b_.full.cells;
    const TensorId spread = g.make(Op::GetRows, {each_, cells, 1, streams}, {sum, block_of_});
    TensorId by_cell = g.cont(g.transpose(spread));
    TensorId seen = b_.full.mask;
    if (b_.run.flash_attention) seen = g.make(Op::Cpy, g.extent(seen), {seen});
    by_cell = g.add(by_cell, g.reshape(seen, g.extent(by_cell)));
    const std::uint64_t count = std::min(b_.model.indexer_top + ratio_ - 1, cells);
    const TensorId chosen = g.cont(g.make(Op::TopK, {count, each_, 1, streams}, {by_cell, of_token_}, Element::I32));
    return keep_chosen(b_, b_.full.mask, chosen, Element::F32);
  }

 private:
  static constexpr std::uint64_t kMostHeads = 256;

  TensorId block_keys() {
    Graph& g = b_.graph;
    const std::uint64_t head = b_.model.indexer_key, streams = b_.cells.streams, all = blocks_ * streams;
    const TensorId rows = g.make(Op::GetRows, {head, all * ratio_, 1, 1}, {gather_});
    const auto of_block = [&](std::uint64_t i) {
      return g.cont(g.view(rows, {head, all, 1, 1}, {4, 4 * head * ratio_, 4 * head * ratio_ * all, 0}, 4 * head * i));
    };
    TensorId sum = of_block(0);
    for (std::uint64_t i = 1; i < ratio_; ++i) sum = g.add(sum, of_block(i));
    sum = b_.norm(g.reshape(g.unary(Op::Scale, sum), {head, all, 1, 1}), "indexer.k_norm");
    return g.like(Op::Rope, g.reshape(sum, {head, 1, all, 1}), positions_);
  }

  GraphBuilder& b_;
  CacheInputs cells_;
  std::uint64_t ratio_;
  std::uint64_t blocks_;
  std::uint64_t each_;
  TensorId gather_ = kOutside, positions_ = kOutside, bias_ = kOutside, block_of_ = kOutside;
  TensorId of_token_ = kOutside;  // a number for each token; known by the bytes that the engine's buffer has for it
};

}  // namespace

// llama.cpp src/models/qwen4exp.cpp, without the table of n-grams.
void qwen4_recipe(GraphBuilder& b) {
  constexpr std::uint64_t kMostRatio = 256;
  constexpr LowRankStreams::Names kMixer{"hc_attn_norm", "hc_attn_down", "hc_attn_up", "hc_attn_inject"};
  constexpr LowRankStreams::Names kFfn{"hc_ffn_norm", "hc_ffn_down", "hc_ffn_up", "hc_ffn_inject"};
  constexpr LowRankStreams::Names kOutput{"output_hc_norm", "output_hc_down", "output_hc_up", {}};
  const TensorId embedded = b.embed_tokens();
  LowRankStreams streams(b, embedded);
  const auto ratio = std::clamp<std::uint64_t>(b.model.layers.front().compress_ratio, 1, kMostRatio);
  BlockIndexer indexer(b, ratio);
  const TensorId whole = b.full.mask;
  b.run_layers(embedded, [&](const LayerStep& step) {
    const LayerModel& layer = step.layer;
    streams.pass(kMixer, [&](TensorId in) {
      b.graph.expand(in);
      if (layer.recurrent) return b.delta_net(in, true);
      if (layer.indexed && b.model.indexer_key != 0) {
        indexer.store(in);
        b.full.mask = indexer.mask(in);
      }
      const TensorId mixed = b.attention(layer, in);
      b.full.mask = whole;
      return mixed;
    });
    streams.pass(kFfn, [&](TensorId in) { return b.feed_forward(layer, in); });
    return step.input;
  });
  // The engine keeps all rows where all are wanted.
  TensorId rows = streams.close(kOutput);
  if (b.outputs < b.tokens) rows = b.pick_rows(rows);
  b.graph.mark_output(rows);
  b.logits(rows);
}

}  // namespace weigh::core
