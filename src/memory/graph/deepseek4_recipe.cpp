#include <algorithm>
#include <array>
#include <optional>

#include "formats/dtype.h"
#include "src/memory/graph/layer_blocks.h"
#include "src/memory/graph/recipes.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kFineRatio = 4;  // compressed with an overlap, and picked from by an indexer

bool quantized(Dtype type) { return info(type).block_elements > 1; }

// DeepSeek V4's streams also exchange what they have.
class Streams : ResidualStreams {
 public:
  Streams(GraphBuilder& b, TensorId embedded) : ResidualStreams(b, embedded) {}

  // What is computed of the weights ahead of the part.
  enum class Ahead : bool { Nothing, Shares };

  void pass(std::string_view weights, std::string_view norm, Ahead ahead, const Part& part) {
    Graph& g = b_.graph;
    const TensorId mixes = weigh(weights, (2 + count_) * count_);
    const TensorId own = squash(g.columns(mixes, 0, count_));
    const TensorId shares = squash(g.columns(mixes, count_, count_));
    const TensorId exchange = g.make(Op::HyperCombine, {count_, count_, b_.tokens, 1}, {mixes});
    if (ahead == Ahead::Shares) {
      g.expand(shares);
      g.expand(exchange);
    }
    const TensorId in = g.make(Op::HyperPre, {b_.model.embedding, b_.tokens, 1, 1}, {all_, own});
    const TensorId out = part(b_.norm(in, norm));
    all_ = g.make(Op::HyperPost, g.extent(all_), {out, all_, shares, exchange});
  }

  // The rows to output, and of them one mixture.
  TensorId close() {
    const TensorId shares = pick_rows();
    return mix_streams(b_.graph, all_, shares);
  }
};

// One of the caches of compressed cells, and the batch's inputs for it. A cell is made of `ratio` tokens: of those of
// the batch, and of those before it that the state remembers (llama-kv-cache-dsv4.cpp, dsv4_build_reserve_comp_plan).
class Compressor {
 public:
  struct Names {
    std::string_view values, scores, positions, norm;
  };

  // `mask`: of the mask's elements.
  Compressor(GraphBuilder& b, std::uint64_t ratio, std::uint64_t head, bool rotated, Element mask)
      : b_(b), ratio_(ratio), head_(head), overlaps_(ratio == kFineRatio) {
    Graph& g = b.graph;
    const std::uint64_t streams = b.cells.streams;
    state_rows_ = ratio * (overlaps_ ? 2 : 1) * streams;
    blocks_ = b.tokens / ratio + streams;
    const std::uint64_t kept = std::min(b.tokens, state_rows_);
    const std::uint64_t reads = blocks_ * ratio * (overlaps_ ? 2 : 1);
    const auto list = [&](std::string_view name, Element element, std::uint64_t count) {
      return g.input(name, element, {count, 1, 1, 1});
    };
    cells_.cells = compressed_cells(b.cells, ratio);
    cells_.key_cells = list("state_write_idxs", Element::I64, blocks_);
    cells_.mask = g.input("comp_kq_mask", mask, {cells_.cells, b.tokens / streams, 1, streams});
    const std::uint64_t size = rotated ? rotation_size(head) : 0;
    if (size != 0) cells_.key_rotation = g.input("comp_k_rot", Element::F32, {size, size, 1, 1});
    in_block_ = list("state_pos", Element::I32, b.tokens);
    reads_ = list("state_read_idxs", Element::I32, reads);
    positions_ = list("state_write_pos", Element::I32, blocks_);
    kept_ = list("state_persist_src_idxs", Element::I32, kept);
    kept_to_ = list("state_persist_dst_idxs", Element::I32, kept);
  }

  [[nodiscard]] const CacheInputs& inputs() const { return cells_; }

  // Stores the cells that the batch completes, and what is left for later batches.
  void store(TensorId input, const Names& names) {
    Graph& g = b_.graph;
    const std::uint64_t width = head_ * (overlaps_ ? 2 : 1);
    const TensorId values = g.mul_mat(names.values, input, width);
    const TensorId position = g.make(Op::GetRows, {width, b_.tokens, 1, 1}, {in_block_}, Element::F32, names.positions);
    const TensorId scores = g.add(g.mul_mat(names.scores, input, width), position);
    const TensorId by_block = blocks_of(values);
    const TensorId weights = g.unary(Op::SoftMax, blocks_of(scores));
    TensorId sum = g.sum_rows(g.mul(by_block, weights));
    sum = b_.norm(g.cont(g.permute(sum, {1, 0, 2, 3})), names.norm);
    b_.store_keys(cells_, b_.rotate(g.like(Op::Rope, sum, positions_), cells_.key_rotation));
    g.expand(g.store(Op::SetRows, {g.get_rows(values, kept_), kept_to_}));
    g.expand(g.store(Op::SetRows, {g.get_rows(scores, kept_), kept_to_}));
  }

 private:
  // Behind the state's rows those of the batch, put together to what each cell is made of.
  TensorId blocks_of(TensorId batch) {
    Graph& g = b_.graph;
    const std::uint64_t width = g.extent(batch)[0];
    const TensorId state = g.cache("comp_state", 4 * width * state_rows_);
    TensorId rows = g.make(Op::Concat, {width, state_rows_ + b_.tokens, 1, 1}, {state, batch});
    if (!overlaps_) {
      rows = g.reshape(g.get_rows(rows, reads_), {head_, ratio_, blocks_, 1});
      return g.cont(g.permute(rows, {1, 0, 2, 3}));
    }
    // Nothing comes before the first cell.
    const TensorId first = g.view(rows, {width, 1, 1, 1}, g.stride(rows), 0);
    rows = g.get_rows(g.concat(rows, g.unary(Op::Scale, first), 1), reads_);
    const auto half = [&](std::uint64_t offset) {
      const TensorId part = g.cont(g.view(rows, {head_, ratio_ * blocks_, 1, 1}, g.stride(rows), offset));
      return g.reshape(part, {head_, ratio_, blocks_, 1});
    };
    const TensorId before = half(0), own = half(4 * (width * ratio_ * blocks_ + head_));
    return g.cont(g.permute(g.concat(before, own, 1), {1, 0, 2, 3}));
  }

  GraphBuilder& b_;
  CacheInputs cells_;
  std::uint64_t ratio_, head_;
  bool overlaps_;
  std::uint64_t state_rows_ = 0, blocks_ = 0;
  TensorId in_block_ = kOutside, reads_ = kOutside, positions_ = kOutside, kept_ = kOutside, kept_to_ = kOutside;
};

// Attention to the window's cells and to compressed ones, as to one cache.
class Attention {
 public:
  explicit Attention(GraphBuilder& b) : b_(b), mask_(b.graph.tensor(b.window.mask).element) {}

  TensorId operator()(const LayerModel& layer, TensorId input) {
    Graph& g = b_.graph;
    const std::uint64_t head = layer.key_head;
    Compressor* compressed = compress(layer, input);
    const bool picks = compressed != nullptr && layer.compress_ratio == kFineRatio;
    const TensorId source = b_.latent_query_source(layer, input);
    TensorId q = g.reshape(g.mul_mat("attn_q_b", source, head * layer.heads), {head, layer.heads, b_.tokens, 1});
    q = g.like(Op::Rope, g.unary(Op::RmsNorm, q), b_.positions);
    TensorId k = g.reshape(b_.norm(g.mul_mat("attn_kv", input, head), "attn_kv_a_norm"), {head, 1, b_.tokens, 1});
    k = g.like(Op::Rope, k, b_.positions);
    const TensorId rotation = b_.window.key_rotation;
    q = b_.rotate(q, rotation);
    k = b_.rotate(k, rotation);
    g.expand(q);
    g.expand(k);
    b_.store_keys(b_.window, k);
    const TensorId chosen = picks ? pick_cells(b_, index_->inputs(), input, source) : kOutside;
    const TensorId heads = weigh(layer, q, compressed, chosen);
    return project(layer, b_.rotate(heads, rotation));
  }

 private:
  Compressor* compress(const LayerModel& layer, TensorId input) {
    constexpr Compressor::Names kCells{"attn_compressor_kv", "attn_compressor_gate", "attn_compressor_ape",
                                       "attn_compressor_norm"};
    constexpr Compressor::Names kIndex{"indexer_compressor_kv", "indexer_compressor_gate", "indexer_compressor_ape",
                                       "indexer_compressor_norm"};
    const std::uint64_t ratio = layer.compress_ratio;
    if (ratio == 0) return nullptr;
    const bool fine = ratio == kFineRatio;
    std::optional<Compressor>& cells = fine ? fine_ : coarse_;
    if (!cells) cells.emplace(b_, ratio, layer.key_head, quantized(b_.run.key_type), mask_);
    cells->store(input, kCells);
    if (!fine) return &*cells;
    if (!index_) index_.emplace(b_, ratio, b_.model.indexer_key, true, Element::F16);
    index_->store(input, kIndex);
    return &*cells;
  }

  TensorId weigh(const LayerModel& layer, TensorId q, const Compressor* compressed, TensorId chosen) {
    Graph& g = b_.graph;
    const std::uint64_t head = layer.key_head, streams = b_.cells.streams, each = b_.tokens / streams;
    const TensorId queries = b_.split_streams(q);
    std::uint64_t seen = b_.window.cells;
    TensorId k = b_.cached("cache_k", b_.run.key_type, head, seen);
    TensorId mask = b_.window.mask;
    if (compressed != nullptr) {
      const CacheInputs& more = compressed->inputs();
      seen += more.cells;
      const TensorId added = b_.cached("cache_k", b_.run.key_type, head, more.cells);
      // In the cache's type: counted in pieces of two bytes.
      const std::uint64_t row = tensor_bytes(b_.run.key_type, std::array{head}).value_or(0) / 2;
      k = g.make(Op::Concat, {row, 1, seen, streams}, {k, added}, Element::F16);
      mask = g.concat(mask, chosen == kOutside ? more.mask : keep_chosen(b_, more.mask, chosen, mask_), 0);
    }
    const std::uint64_t heads = layer.heads;
    if (b_.run.flash_attention) {
      const TensorId result = g.make(Op::FlashAttention, {head, heads, each, streams}, {queries, k, k, mask});
      return g.reshape(result, {head, heads, b_.tokens, 1});
    }
    const TensorId scores = g.make(Op::MulMat, {seen, each, heads, streams}, {k, queries});
    const TensorId v = g.make(Op::Cont, {seen, head, 1, streams}, {k}, Element::F16);
    const TensorId result = g.make(Op::MulMat, {head, each, heads, streams}, {v, g.like(Op::SoftMax, scores, mask)});
    const TensorId flat = g.cont(g.permute(result, {0, 2, 1, 3}), {head * heads, b_.tokens, 1, 1});
    return g.reshape(flat, {head, heads, b_.tokens, 1});
  }

  // The positions are turned back; each group of heads has a projection of its own.
  TensorId project(const LayerModel& layer, TensorId heads) {
    Graph& g = b_.graph;
    const std::uint64_t groups = b_.model.output_groups, rank = b_.model.output_rank;
    heads = g.like(Op::RopeBack, heads, b_.positions);
    heads = g.reshape(heads, {layer.heads * layer.key_head / groups, groups, b_.tokens, 1});
    const TensorId low = g.mul_mat("attn_output_a", g.permute(heads, {0, 2, 1, 3}), rank);
    const TensorId flat = g.cont(g.permute(low, {0, 2, 1, 3}), {rank * groups, b_.tokens, 1, 1});
    return g.mul_mat("attn_output_b", flat, b_.model.embedding);
  }

  GraphBuilder& b_;
  Element mask_;  ///< elements of the masks that attention reads
  std::optional<Compressor> fine_, coarse_, index_;
};

}  // namespace

// llama.cpp src/models/deepseek4.cpp.
void deepseek4_recipe(GraphBuilder& b) {
  const TensorId embedded = b.embed_tokens();
  b.graph.expand(b.window.mask);
  Streams streams(b, embedded);
  Attention attention(b);
  b.run_layers(embedded, [&](const LayerStep& step) {
    const LayerModel& layer = step.layer;
    streams.pass("hc_attn_fn", "attn_norm", Streams::Ahead::Nothing,
                 [&](TensorId normed) { return attention(layer, normed); });
    streams.pass("hc_ffn_fn", "ffn_norm", Streams::Ahead::Shares,
                 [&](TensorId normed) { return b.feed_forward(layer, normed); });
    return step.input;
  });
  b.output_head(streams.close());
}

}  // namespace weigh::core
