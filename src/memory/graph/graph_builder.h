#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "src/memory/cache.h"
#include "src/memory/graph/graph.h"
#include "src/memory/run.h"
#include "src/memory/run_model.h"

namespace weigh::core {

/// What one kind of KV cache brings into a graph: where to write, what may be seen, and the rotations by which
/// llama.cpp spreads outliers before it quantizes keys and values (#21038).
struct CacheInputs {
  TensorId key_cells = kOutside;
  TensorId value_cells = kOutside;
  TensorId mask = kOutside;
  TensorId key_rotation = kOutside;
  TensorId value_rotation = kOutside;
  std::uint64_t cells = 0;
};

/// The weights of a feed-forward part.
struct FfnNames {
  std::string_view up = "ffn_up";
  std::string_view gate = "ffn_gate";
  std::string_view down = "ffn_down";
};

/// Of an attention. Keys and values are kOutside where they come out of a cache.
struct Projections {
  TensorId q, k, v;
};

/// The same, and what queries and their gates are views of.
struct ProjectedHeads {
  Projections heads;
  TensorId joined;
};

/// What a recipe is given for each of the blocks that run.
struct LayerStep {
  const LayerModel& layer;
  std::size_t number;
  TensorId input;
  bool last;
};

/// Values of a rotation that spreads a head's outliers: the largest power of two that divides it, from 64 on; 0 when 64
/// does not.
std::uint64_t rotation_size(std::uint64_t head);

/// The graph of one micro-batch while it is built, and the blocks that architectures share. A recipe (recipes.h) puts
/// them together in the order in which llama.cpp's src/models/*.cpp and src/llama-graph.cpp make and expand their
/// tensors.
class GraphBuilder {
 public:
  GraphBuilder(const RunModel& of_model, const Run& of_run, const Cells& counted);

  Graph build();

  // graph_builder.cpp
  TensorId embed_tokens();
  /// The same without positions.
  TensorId token_rows();
  /// Rows of a table that the host keeps.
  TensorId look_up(std::string_view table, TensorId ids, std::uint64_t width);
  /// What `layer`, called with a LayerStep, makes of each block that runs, one after the other.
  template <typename Layer>
  TensorId run_layers(TensorId current, Layer layer) {
    const std::size_t count = layers_run();
    for (std::size_t i = 0; i < count; ++i) {
      graph.begin_layer(static_cast<std::int32_t>(i));
      current = layer(LayerStep{model.layers[i], i, current, i + 1 == count});
    }
    graph.begin_layer(kOutside);
    return current;
  }
  [[nodiscard]] std::size_t layers_run() const;
  TensorId plain_layer(const LayerStep& step);
  TensorId mixer(const LayerModel& layer, TensorId input);
  TensorId feed_forward_layer(const LayerStep& step);
  void output_head(TensorId input);
  void logits(TensorId rows);
  TensorId pick_rows(TensorId of);
  TensorId sum(TensorId a, TensorId b, bool second_first);
  TensorId norm(TensorId of, std::string_view weight);
  TensorId rope(const LayerModel& layer, TensorId of);

  // attention_blocks.cpp
  TensorId attention(const LayerModel& layer, TensorId input);
  /// Heads as they are attended with: normed and turned.
  ProjectedHeads project(const LayerModel& layer, TensorId input);
  TensorId attention_output(const LayerModel& layer, TensorId result, TensorId input);
  TensorId latent_attention(const LayerModel& layer, TensorId input);
  TensorId latent_query_source(const LayerModel& layer, TensorId input);
  TensorId latent_heads(const LayerModel& layer, TensorId input, TensorId query_source, TensorId mask);
  /// A bias is added to the scores, which flash attention cannot.
  TensorId attend(const LayerModel& layer, TensorId q, TensorId k, TensorId v, TensorId bias = kOutside);
  TensorId attend_latent(const LayerModel& layer, TensorId q, TensorId k, TensorId mask);
  TensorId weigh_values(const LayerModel& layer, TensorId q, TensorId k, TensorId v, std::uint64_t value_head,
                        TensorId mask = kOutside);
  TensorId weigh(const LayerModel& layer, const CacheInputs& inputs, Projections of, std::uint64_t value_head,
                 TensorId bias = kOutside);
  TensorId cached(std::string_view name, Dtype type, std::uint64_t width, std::uint64_t rows);
  TensorId rotate(TensorId of, TensorId rotation);
  TensorId split_streams(TensorId q);
  void store_keys(const CacheInputs& inputs, TensorId k);
  void store_values(const CacheInputs& inputs, TensorId v);
  [[nodiscard]] const CacheInputs& inputs_of(const LayerModel& layer) const { return layer.sliding ? window : full; }

  // ffn_blocks.cpp
  enum class GateKind : std::uint8_t { None, Own, Joint };
  struct Routing {
    TensorId probabilities;
    TensorId chosen;
  };
  /// Dense or routed, whichever the layer has. Without logits the router reads the input.
  TensorId feed_forward(const LayerModel& layer, TensorId input, TensorId logits = kOutside);
  TensorId gated_linear(TensorId gate, TensorId up);
  TensorId dense(const LayerModel& layer, TensorId input);
  TensorId gated(const LayerModel& layer, TensorId input, std::uint64_t width, GateKind kind,
                 const FfnNames& names = {});
  TensorId experts(const LayerModel& layer, TensorId input, TensorId logits = kOutside);
  TensorId sum_of_experts(const LayerModel& layer, TensorId input, std::uint64_t width, const Routing& routing,
                          const FfnNames& names);
  TensorId add_chunk_experts(const LayerModel& layer, TensorId routed, TensorId logits);
  Routing route(const LayerModel& layer, TensorId logits);
  TensorId choose_experts(const LayerModel& layer, TensorId scores);
  TensorId limit_to_groups(const LayerModel& layer, TensorId scores);
  TensorId expert_weights(const LayerModel& layer, TensorId probabilities, TensorId chosen);
  [[nodiscard]] bool soft_max_over_used() const;

  // state_blocks.cpp
  TensorId load_state(std::uint64_t values);
  TensorId copy_rows(std::uint64_t values);
  TensorId mamba(const LayerModel& layer, TensorId input);
  TensorId mamba2(const LayerModel& layer, TensorId input);
  TensorId plamo_mamba(TensorId input);
  TensorId delta_net(TensorId input, bool copied = false);
  TensorId short_convolution(TensorId input);
  TensorId convolve(TensorId input, std::uint64_t channels, bool copied = false);
  TensorId behind_past(TensorId input, std::uint64_t past, std::uint64_t channels, bool copied);

  const RunModel& model;
  const Run run;  ///< as the engine runs it: without flash attention where the architecture has none
  bool caches;    ///< attention is to cells; else to the batch's own keys and values
  Cells cells;
  std::uint64_t sequences;  ///< that the batch's tokens are of
  std::uint64_t tokens;     ///< of the batch
  std::uint64_t outputs;    ///< rows that a result is wanted of
  Graph graph;
  CacheInputs full, window;
  TensorId positions = kOutside;
  TensorId token_ids = kOutside;  ///< once the embeddings are looked up
  TensorId output_rows = kOutside;
  struct {
    TensorId batch = kOutside;
    TensorId others = kOutside;
  } state_rows;  ///< which states are those of the batch's sequences, and which of others

 private:
  CacheInputs cache_inputs(std::uint64_t count, bool sliding);
};

}  // namespace weigh::core
