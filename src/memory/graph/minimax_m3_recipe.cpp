#include <algorithm>

#include "src/memory/graph/layer_blocks.h"
#include "src/memory/graph/recipes.h"

namespace weigh::core {

namespace {

// Attention to the blocks of positions that an indexer picks, for each group of heads its own (llama.cpp
// src/models/minimax-m3.cpp, MSA). Each stream has an attention of its own.
class BlockAttention {
 public:
  explicit BlockAttention(GraphBuilder& b)
      : b_(b), streams_(b.cells.streams), each_(b.tokens / b.cells.streams), heads_(b.model.indexer_heads) {
    const std::uint64_t block = b.model.indexer_block;
    blocks_ = block == 0 ? 0 : (kPositions + block - 1) / block;
    positions_ = blocks_ * block;
    Graph& g = b.graph;
    cells_.key_cells = g.input("k_idxs_idx", Element::I64, {b.tokens, 1, 1, 1});
    slots_ = g.input("pos_slot", Element::I32, {positions_, streams_, 1, 1});
    visible_ = g.input("pos_mask", Element::F32, {positions_, b.tokens, 1, 1});
    bias_ = g.input("block_bias", Element::F32, {blocks_, b.tokens, 1, 1});
    block_of_ = g.input("cell_block", Element::I32, {b.full.cells, streams_, 1, 1});
    mask_ = g.make(Op::Cpy, g.extent(b.full.mask), {b.full.mask});
  }

  // The engine attends to everything without flash attention and where sequences share a stream.
  [[nodiscard]] bool picks(const LayerModel& layer) const {
    const bool own_streams = b_.run.sequences == 1 || !b_.run.unified_cache;
    return b_.run.flash_attention && own_streams && layer.indexed && layer.cached && blocks_ != 0 && heads_ != 0;
  }

  TensorId operator()(const LayerModel& layer, TensorId input) {
    Graph& g = b_.graph;
    const std::uint64_t head = b_.model.indexer_key;
    auto [q, k, v] = b_.project(layer, input).heads;
    b_.store_keys(cells_, turned(g.mul_mat("indexer.k_proj", input, head), 1, "indexer.k_norm"));
    const TensorId wanted = turned(g.mul_mat("indexer.q_proj", input, heads_ * head), heads_, "indexer.q_norm");
    q = b_.rotate(q, b_.full.key_rotation);
    k = b_.rotate(k, b_.full.key_rotation);
    v = b_.rotate(v, b_.full.value_rotation);
    for (const TensorId part : {q, k, v}) g.expand(part);
    b_.store_keys(b_.full, k);
    b_.store_values(b_.full, v);
    TensorId result = kOutside;
    for (std::uint64_t i = 0; i < streams_; ++i) {
      const TensorId own = attend(layer, tokens_of(q, i), mask_of(tokens_of(wanted, i), i));
      result = i == 0 ? own : g.concat(result, own, 1);
    }
    return b_.attention_output(layer, b_.rotate(result, b_.full.value_rotation), input);
  }

 private:
  // Positions that the graph is reserved for: those of an empty cache, whatever the context
  // (llama-kv-cache-msa.cpp, get_n_pos).
  static constexpr std::uint64_t kPositions = 256;

  TensorId turned(TensorId of, std::uint64_t heads, std::string_view norm) {
    const TensorId by_head = b_.graph.reshape(of, {b_.model.indexer_key, heads, b_.tokens, 1});
    return b_.graph.like(Op::Rope, b_.norm(by_head, norm), b_.positions);
  }

  // Of heads, the rows of one stream's tokens.
  TensorId tokens_of(TensorId heads, std::uint64_t stream) {
    const Extent e = b_.graph.extent(heads), s = b_.graph.stride(heads);
    return b_.graph.view(heads, {e[0], e[1], each_, 1}, s, stream * each_ * s[2]);
  }

  // A row of an input for each token of one stream, for all heads.
  TensorId rows_of(TensorId input, std::uint64_t stream) {
    const Extent e = b_.graph.extent(input), s = b_.graph.stride(input);
    return b_.graph.view(input, {e[0], 1, each_, 1}, {s[0], s[1], s[1], s[1] * each_}, stream * each_ * s[1]);
  }

  TensorId list_of(TensorId input, std::uint64_t stream) {
    const Extent e = b_.graph.extent(input), s = b_.graph.stride(input);
    return b_.graph.view(input, {e[0], 1, 1, 1}, s, stream * s[1]);
  }

  // For each group of heads, which of one stream's cells its tokens see.
  TensorId mask_of(TensorId queries, std::uint64_t stream) {
    Graph& g = b_.graph;
    const std::uint64_t head = b_.model.indexer_key, cells = b_.full.cells, rows = heads_ * each_;
    const TensorId keys = g.make(Op::GetRows, {head, positions_, 1, 1}, {list_of(slots_, stream)});
    TensorId scores = g.mul_mat(keys, g.reshape(queries, {head, rows, 1, 1}));
    scores = g.add_in_place(g.reshape(scores, {positions_, heads_, each_, 1}), rows_of(visible_, stream));
    const TensorId bias = rows_of(bias_, stream);
    const TensorId pooled = g.make(Op::Pool2d, {blocks_, heads_, each_, 1}, {scores});
    const std::uint64_t count = std::min(b_.model.indexer_top, blocks_);
    const Extent picked{count, heads_, each_, 1};
    const TensorId chosen = g.make(Op::TopK, picked, {g.add(pooled, bias)}, Element::I32);
    const TensorId zero = g.unary(Op::Scale, g.make(Op::Cpy, picked, {chosen}));
    const TensorId hidden =
        g.make(Op::Repeat, {blocks_, heads_, each_, 1}, {g.as_f16(g.unary(Op::Scale, bias))}, Element::F16);
    TensorId kept = g.set_rows(g.reshape(hidden, {1, blocks_, rows, 1}), g.reshape(zero, {1, count, rows, 1}),
                               g.reshape(chosen, {count, rows, 1, 1}));
    kept = g.cont(g.permute(g.reshape(kept, {blocks_, heads_, each_, 1}), {0, 2, 1, 3}));
    const TensorId by_block = g.cont(g.transpose(g.reshape(kept, {blocks_, rows, 1, 1})));
    const TensorId by_cell = g.make(Op::GetRows, {rows, cells, 1, 1}, {by_block, list_of(block_of_, stream)});
    const TensorId spread = g.reshape(g.cont(g.transpose(by_cell)), {cells, each_, heads_, 1});
    const Extent stride = g.stride(mask_);
    const TensorId seen = g.view(mask_, {cells, each_, 1, 1}, stride, stream * stride[3]);
    return g.as_f16(g.reshape(g.add_in_place(spread, seen), {cells, each_, 1, heads_}));
  }

  TensorId attend(const LayerModel& layer, TensorId q, TensorId mask) {
    Graph& g = b_.graph;
    const std::uint64_t head = layer.key_head, groups = layer.kv_heads, size = layer.heads / groups;
    const TensorId k = b_.cached("cache_k", b_.run.key_type, head * groups, b_.full.cells);
    const TensorId v = b_.cached("cache_v", b_.run.value_type, layer.value_head * groups, b_.full.cells);
    const TensorId grouped = g.permute(g.reshape(q, {head, size, groups, each_}), {0, 2, 3, 1});
    const TensorId result = g.make(Op::FlashAttention, {head, size, each_, groups}, {grouped, k, v, mask});
    return g.reshape(g.cont(g.permute(result, {0, 1, 3, 2})), {head * layer.heads, each_, 1, 1});
  }

  GraphBuilder& b_;
  CacheInputs cells_;
  std::uint64_t streams_, each_, heads_;
  std::uint64_t blocks_ = 0, positions_ = 0;
  TensorId slots_ = kOutside, visible_ = kOutside, bias_ = kOutside, block_of_ = kOutside, mask_ = kOutside;
};

}  // namespace

void minimax_m3_recipe(GraphBuilder& b) {
  BlockAttention sparse(b);
  const TensorId result = b.run_layers(b.embed_tokens(), [&](const LayerStep& step) {
    return residual_layer(b, step, [&](TensorId normed) {
      return sparse.picks(step.layer) ? sparse(step.layer, normed) : b.attention(step.layer, normed);
    });
  });
  b.output_head(result);
}

}  // namespace weigh::core
