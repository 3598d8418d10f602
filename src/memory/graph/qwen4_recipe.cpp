#include <algorithm>
#include <map>

#include "src/memory/graph/layer_blocks.h"
#include "src/memory/graph/recipes.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kMostRatio = 256;  // longer blocks are not followed

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

  // In the last layer the rows to output are picked behind the mixer (`pick`).
  void pass(const Names& names, bool pick, const Part& part) {
    Graph& g = b_.graph;
    const TensorId flat = normed(names.norm);
    const TensorId shares = g.reshape(spread(names, flat), g.extent(all_));
    const TensorId in =
        g.make(Op::HyperPre, {width_, g.extent(flat)[1], 1, 1}, {g.reshape(flat, g.extent(all_)), shares});
    TensorId out = part(in);
    TensorId inject = g.mul_mat(names.inject, flat, count_);
    if (pick) {
      out = b_.pick_rows(out);
      all_ = g.reshape(b_.pick_rows(g.reshape(all_, g.extent(flat))), {width_, count_, b_.outputs, 1});
      inject = b_.pick_rows(inject);
    }
    inject = g.unary(Op::Scale, g.unary(Op::Sigmoid, g.unary(Op::Scale, inject)));
    all_ = g.make(Op::HyperPost, g.extent(all_), {out, all_, inject});
  }

  // Adds to each stream what a convolution makes of the n-grams' rows, gated by how well they fit the stream.
  void look_up(TensorId rows) {
    Graph& g = b_.graph;
    const Extent wide = g.extent(all_);
    const std::uint64_t width = wide[0] * wide[1], tokens = wide[2];
    const TensorId value = g.mul_mat("ple_value", rows, width_);
    const TensorId key = by_stream(g.mul_mat("ple_key", rows, width), "ple_norm_key");
    const TensorId fit = g.unary(Op::Scale, g.sum_rows(g.mul(key, by_stream(all_, "ple_norm_query"))));
    const TensorId size = g.unary(Op::Sqrt, g.unary(Op::Clamp, g.unary(Op::Abs, fit)));
    const TensorId gate = g.unary(Op::Sigmoid, g.mul(g.unary(Op::Sgn, fit), size));
    const TensorId repeated = g.make(Op::Repeat, wide, {g.reshape(value, {width_, 1, tokens, 1})});
    const TensorId gated = g.mul(repeated, gate);
    const TensorId convolved = convolve(by_stream(gated, "ple_norm_conv"), width);
    all_ = g.add(all_, g.add(gated, g.reshape(g.cont(g.unary(Op::Silu, convolved)), wide)));
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
    const Extent e = b_.graph.extent(all_);
    return b_.graph.reshape(by_stream(all_, weight), {e[0] * e[1], e[2], 1, 1});
  }

  // Normed stream by stream.
  TensorId by_stream(TensorId of, std::string_view weight) {
    Graph& g = b_.graph;
    return g.with_weight(Op::Mul, g.unary(Op::RmsNorm, g.reshape(of, g.extent(all_))), weight);
  }

  // A sum of copies, shifted by the n-grams' length each.
  TensorId convolve(TensorId rows, std::uint64_t width) {
    Graph& g = b_.graph;
    const std::uint64_t seqs = b_.run.sequences, each = b_.tokens / seqs;
    const NgramTable& n = b_.model.ngrams;
    rows = g.reshape(rows, {width, each, seqs, 1});
    const TensorId padded = b_.behind_past(rows, (n.kernel - 1) * n.tokens, width, true);
    TensorId sum = kOutside;
    for (std::uint64_t i = 0; i < std::min(n.kernel, kMost); ++i) {
      const TensorId part = g.view(padded, {each, width, seqs, 1}, g.stride(padded), 4 * i * n.tokens);
      const TensorId weights = g.make(Op::Cont, {1, width, 1, 1}, {}, Element::F32, "ple_conv1d");
      const TensorId term = g.mul(g.cont(g.transpose(part)), g.reshape(weights, {width, 1, 1, 1}));
      sum = i == 0 ? term : g.add(sum, term);
    }
    return sum;
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
  BlockIndexer(GraphBuilder& b, std::uint64_t ratio)
      : b_(b), ratio_(ratio), blocks_((b.full.cells + ratio - 1) / ratio), each_(b.tokens / b.cells.streams) {
    const std::uint64_t streams = b.cells.streams;
    cells_.key_cells = b.graph.input("k_idxs_lid", Element::I64, {b.tokens, 1, 1, 1});
    gather_ = b.graph.input("block_cells", Element::I32, {blocks_ * ratio_ * streams, 1, 1, 1});
    positions_ = b.graph.input("block_pos", Element::I32, {kPositions * blocks_ * streams, 1, 1, 1});
    bias_ = b.graph.input("block_bias", Element::F32, {blocks_, each_, 1, streams});
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
    const TensorId chosen = g.cont(g.make(Op::TopK, {count, each_, 1, streams}, {by_cell}, Element::I32));
    return keep_chosen(b_, b_.full.mask, chosen, Element::F32);
  }

 private:
  static constexpr std::uint64_t kMostHeads = 256;
  static constexpr std::uint64_t kPositions = 4;  // of a block: its rope is always that of images

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
};

// The rows of all tokens' n-grams, side by side for each token.
TensorId ngram_rows(GraphBuilder& b) {
  const std::uint64_t head = b.model.layer_embedding, count = b.model.ngrams.rows;
  const TensorId ids = b.graph.input("ple_rows", Element::I32, {count * b.tokens, 1, 1, 1});
  const TensorId rows =
      b.graph.make(Op::GetRows, {head, count * b.tokens, 1, 1}, {ids}, Element::F32, "per_layer_token_embd");
  const TensorId flat = b.graph.reshape(rows, {head * count, b.tokens, 1, 1});
  b.graph.expand(flat);
  return flat;
}

}  // namespace

// llama.cpp src/models/qwen4exp.cpp.
void qwen4_recipe(GraphBuilder& b) {
  constexpr LowRankStreams::Names kMixer{"hc_attn_norm", "hc_attn_down", "hc_attn_up", "hc_attn_inject"};
  constexpr LowRankStreams::Names kFfn{"hc_ffn_norm", "hc_ffn_down", "hc_ffn_up", "hc_ffn_inject"};
  constexpr LowRankStreams::Names kOutput{"output_hc_norm", "output_hc_down", "output_hc_up", {}};
  const TensorId embedded = b.embed_tokens();
  const TensorId ngrams = b.model.ngrams.rows != 0 ? ngram_rows(b) : kOutside;
  LowRankStreams streams(b, embedded);
  std::map<std::uint64_t, BlockIndexer> indexers;  // layers of one ratio share their inputs
  const TensorId whole = b.full.mask;
  b.run_layers(embedded, [&](const LayerStep& step) {
    const LayerModel& layer = step.layer;
    if (ngrams != kOutside && layer.more_state != 0) streams.look_up(ngrams);
    streams.pass(kMixer, step.last, [&](TensorId in) {
      b.graph.expand(in);
      if (layer.recurrent) return b.delta_net(in, true);
      if (layer.indexed && b.model.indexer_key != 0 && layer.compress_ratio != 0) {
        const std::uint64_t ratio = std::min(layer.compress_ratio, kMostRatio);
        BlockIndexer& indexer = indexers.try_emplace(ratio, b, ratio).first->second;
        indexer.store(in);
        b.full.mask = indexer.mask(in);
      }
      const TensorId mixed = b.attention(layer, in);
      b.full.mask = whole;
      return mixed;
    });
    streams.pass(kFfn, false, [&](TensorId in) { return b.feed_forward(layer, in); });
    return step.input;
  });
  const TensorId rows = streams.close(kOutput);
  b.graph.mark_output(rows);
  b.logits(rows);
}

}  // namespace weigh::core
