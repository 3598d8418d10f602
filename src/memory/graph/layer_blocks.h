#pragma once

#include <functional>

#include "src/memory/graph/graph_builder.h"

namespace weigh::core {

/// A part of a layer, from its normed input.
using Part = std::function<TensorId(TensorId normed)>;

/// A norm, `mix`, a sum with the input; a norm, the feed-forward part, a sum. In the last layer the rows to output are
/// picked behind `mix`, unless the architecture picks them behind the last norm.
TensorId residual_layer(GraphBuilder& b, const LayerStep& step, const Part& mix, const Part& feed_forward);
TensorId residual_layer(GraphBuilder& b, const LayerStep& step, const Part& mix);

/// Latent attention's heads times their gates, where the layer has one for each value.
TensorId gate_values(GraphBuilder& b, const LayerModel& layer, TensorId heads, TensorId input);

/// A lightning indexer (DeepSeek Sparse Attention): picks the cells that each token attends to, by keys of its own in a
/// cache of its own (llama.cpp, build_attn_inp_k_dsa and the models' "indexer" parts).
class Indexer {
 public:
  /// `always_rotated`: its keys are rotated whatever their type in the cache.
  Indexer(GraphBuilder& b, bool always_rotated);

  /// Stores the layer's keys and chooses cells, from the layer's normed input and from what its queries are made of. The
  /// choice is kept for layers that have no indexer.
  void choose(TensorId input, TensorId query_source);
  /// `mask` as far as the chosen cells; `mask` itself before any choice.
  [[nodiscard]] TensorId only_chosen(TensorId mask);

 private:
  GraphBuilder& b_;
  CacheInputs inputs_;
  TensorId chosen_ = kOutside;
};

/// The cells that an indexer picks for each token, from the layer's normed input and from what its queries are made of.
TensorId pick_cells(GraphBuilder& b, const CacheInputs& indexer, TensorId input, TensorId query_source);

/// One mixture of residual streams, which lie side by side in `streams`: each times its share, and their sum.
TensorId mix_streams(Graph& g, TensorId streams, TensorId shares);
/// One of the streams.
TensorId stream_of(Graph& g, TensorId streams, std::uint64_t number);

/// `mask` with nothing left but the cells that `chosen` lists for each token; `zero` is the element of what is written.
TensorId keep_chosen(GraphBuilder& b, TensorId mask, TensorId chosen, Element zero);

/// Hyper-connections: residual streams side by side. A part of a layer reads one mixture of them, and its result goes to
/// each; how, its architecture says.
class ResidualStreams {
 protected:
  ResidualStreams(GraphBuilder& b, TensorId embedded);

  /// Of the streams together, normed.
  TensorId weigh(std::string_view weights, std::uint64_t rows);
  TensorId squash(TensorId of);
  /// Leaves the rows to output, and gives the shares of their one mixture.
  TensorId pick_rows();

  GraphBuilder& b_;
  std::uint64_t count_;
  TensorId all_;
};

}  // namespace weigh::core
