#include "src/memory/compute.h"

#include <algorithm>

#include "formats/checked.h"
#include "src/memory/cache.h"
#include "src/memory/graph/graph_builder.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kHostAlignment = 32;     // ggml's TENSOR_ALIGNMENT
constexpr std::uint64_t kDeviceAlignment = 128;  // CUDA's; others' are smaller
constexpr std::uint64_t kValue = 4;              // bytes of an F32

// What is known to be missing in a graph that is not replayed, as measured (docs/memory-rules.md 5.4).
struct Missing {
  bool known = false;
  Bytes bytes = 0;
};

Missing missing_parts(const RunModel& model, const Cells& cells) {
  const std::uint64_t tokens = cells.batch;
  const auto any_indexed = std::ranges::any_of(model.layers, &LayerModel::indexed);
  std::uint64_t heads = 0;
  for (const LayerModel& layer : model.layers) heads = std::max(heads, layer.heads);
  const auto picks_blocks = [](const LayerModel& l) { return l.indexed && l.cached && l.compress_ratio != 0; };
  // Scores per block of cells (qwen4exp), spread over the cells, turned, and masked by a copy in F32; two masks in F16.
  if (std::ranges::any_of(model.layers, picks_blocks)) return {true, product({4, cells.full, tokens, kValue})};
  // Scores, masks and sorted indices of all cells: sixteen tables of F32.
  if (any_indexed) return {true, product({16, cells.full, tokens, kValue})};
  // The bias of each head, its copy, the scores and their sum.
  if (model.has(kPositionBias)) return {true, product({4, heads, cells.full, tokens, kValue})};
  const Bytes per_layer = product({model.layers.size(), model.layer_embedding, tokens, kValue});
  // Four streams of hidden states where others have one, old and new.
  if (model.architecture == "gemma3n") return {true, plus(per_layer, product({6, model.embedding, tokens, kValue}))};
  return {false, per_layer};
}

Bytes with_margin(const RunModel& model, const Cells& cells, std::uint64_t graph) {
  if (compute_is_replayed(model)) return graph;
  // Known architectures under a name that nobody knows: what is derived of them is within a tenth of the engine's figure
  // in nearly all runs (docs/memory-rules.md 5.6). A recipe of a family leaves nothing out that is known to be missing.
  if (!model.known() && model.rule->recipe != GraphRecipe::Plain) return checked_add(graph, graph / 10);
  const Missing missing = missing_parts(model, cells);
  const Bytes sum = plus(graph, missing.bytes);
  if (!sum) return sum;
  if (!model.known()) return checked_add(*sum, *sum / 10);
  return missing.known ? sum : checked_add(*sum, *sum / 4);
}

// Nothing for a run or a graph that no engine would set up.
std::optional<Cells> cells_of_graph(const RunModel& model, const Run& run) {
  constexpr std::uint64_t kNodesOfLayer = 100;
  std::uint64_t nodes = 0;
  for (const LayerModel& layer : model.layers) nodes += kNodesOfLayer + 2 * layer.experts_used;
  nodes *= std::min(model.loops, kMaxNodes);
  return nodes > kMaxNodes ? std::nullopt : count_cells(model, run);
}

}  // namespace

bool compute_is_replayed(const RunModel& model) {
  // A block that predicts is plain attention, whatever the others are; streams of residuals are not followed.
  if (model.prediction == PredictionUse::Alone) return model.rule != nullptr && model.residual_streams == 1;
  return model.rule != nullptr && model.rule->graph == GraphRule::Replayed;
}

Bytes whole_compute_bytes(const RunModel& model, const Run& run) {
  const auto cells = cells_of_graph(model, run);
  if (!cells) return std::nullopt;
  const Graph graph = GraphBuilder(model, run, *cells).build();
  if (graph.overflowed()) return std::nullopt;
  return with_margin(model, *cells, buffer_bytes(graph, kHostAlignment));
}

std::vector<std::uint64_t> split_compute_bytes(const RunModel& model, const Run& run, const GraphPlacement& placement) {
  const auto cells = cells_of_graph(model, run);
  if (!cells) return {};
  const Graph graph = GraphBuilder(model, run, *cells).build();
  if (graph.overflowed()) return {};
  std::vector<std::uint64_t> bytes = split_buffer_bytes(graph, placement, kDeviceAlignment, kHostAlignment);
  if (model.known()) return bytes;
  for (std::uint64_t& buffer : bytes) buffer = with_margin(model, *cells, buffer).value_or(buffer);
  return bytes;
}

Bytes cache_conversion_bytes(const RunModel& model, const Run& run) {
  const auto is_quantized = [](Dtype type) { return info(type).block_elements > 1; };
  const auto cells = count_cells(model, run);
  if (!cells) return std::nullopt;
  Bytes largest = 0;
  for (const LayerModel& layer : model.layers) {
    if (!layer.cached) continue;
    const std::uint64_t rows = layer.sliding ? cells->window : cells->full;
    const bool latent = layer.mixer == Mixer::Latent && (layer.parts & kAbsorbed) != 0;  // keeps no V
    constexpr std::uint64_t kHalf = 2;
    const Bytes keys =
        is_quantized(run.key_type) ? product({rows, cells->streams, layer.kv_heads, layer.key_head, kHalf}) : Bytes(0);
    const Bytes values = is_quantized(run.value_type) && !latent
                             ? product({rows, cells->streams, layer.kv_heads, layer.value_head, kHalf})
                             : Bytes(0);
    const Bytes both = plus(keys, values);
    largest = largest && both ? Bytes(std::max(*largest, *both)) : std::nullopt;
  }
  return largest;
}

Bytes host_output_bytes(const RunModel& model, const Run& run) {
  if (model.has(kNoLogits)) return product({model.embedding, run.sequences, kValue});
  return product({model.vocab, std::max<std::uint64_t>(run.sequences, 1), kValue});
}

}  // namespace weigh::core
