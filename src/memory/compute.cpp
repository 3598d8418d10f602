#include "src/memory/compute.h"

#include <algorithm>
#include <utility>

#include "formats/checked.h"
#include "src/memory/cache.h"
#include "src/memory/graph/graph_builder.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kHostAlignment = 32;     // ggml's TENSOR_ALIGNMENT
constexpr std::uint64_t kDeviceAlignment = 128;  // CUDA's; others' are smaller
constexpr std::uint64_t kValue = 4;              // bytes of an F32

// Of a graph that no listing or run of the engine shows a tenth more is counted: known architectures under a name that
// nobody knows came within that in nearly all runs (docs/memory-rules.md 5.4).
Bytes with_margin(const RunModel& model, const Cells& cells, std::uint64_t graph) {
  if (compute_is_replayed(model)) return graph;
  // An indexer that the plain recipe lacks: its scores, their order and a mask, of all cells.
  const bool lacks_indexer = model.rule != nullptr && model.rule->recipe == GraphRecipe::Plain &&
                             std::ranges::any_of(model.layers, &LayerModel::indexed);
  const Bytes sum = plus(graph, lacks_indexer ? product({3, cells.full, cells.batch, kValue}) : Bytes(0));
  return sum ? checked_add(*sum, *sum / 10) : sum;
}

// Nothing for a run or a graph that no engine would set up.
std::optional<Cells> cells_of_graph(const RunModel& model, const Run& run) {
  constexpr std::uint64_t kNodesOfLayer = 100;
  std::uint64_t nodes = 0;
  for (const LayerModel& layer : model.layers) nodes += kNodesOfLayer + 2 * layer.experts_used;
  nodes *= std::min(model.loops, kMaxNodes);
  return nodes > kMaxNodes ? std::nullopt : count_cells(model, run);
}

std::optional<ComputeGraph> compute_graph(const RunModel& model, const Run& run) {
  const auto cells = cells_of_graph(model, run);
  if (!cells) return std::nullopt;
  ComputeGraph result{*cells, GraphBuilder(model, run, *cells).build()};
  return result.graph.overflowed() ? std::nullopt : std::optional(std::move(result));
}

}  // namespace

bool compute_is_replayed(const RunModel& model) {
  // A block that predicts is plain attention, whatever the others are; streams of residuals are not followed.
  if (model.prediction == PredictionUse::Alone) return model.rule != nullptr && model.residual_streams == 1;
  return model.rule != nullptr && model.rule->graph == GraphRule::Replayed;
}

const std::optional<ComputeGraph>& ComputeGraphs::of(const RunModel& model, const Run& run) {
  constexpr std::size_t kMostKept = 2;  // a run, and the same with fewer rows of logits
  const Run wherever = run.in_one_memory();
  const auto known = std::ranges::find(kept_, wherever, &Kept::run);
  if (known != kept_.end()) return known->graph;
  if (kept_.size() == kMostKept) kept_.erase(kept_.begin());
  return kept_.emplace_back(Kept{wherever, compute_graph(model, run)}).graph;
}

Bytes whole_compute_bytes(const RunModel& model, const Run& run) {
  return whole_compute_bytes(model, compute_graph(model, run));
}

Bytes whole_compute_bytes(const RunModel& model, const std::optional<ComputeGraph>& graph) {
  if (!graph) return std::nullopt;
  return with_margin(model, graph->cells, buffer_bytes(graph->graph, kHostAlignment));
}

std::vector<std::uint64_t> split_compute_bytes(const RunModel& model, const std::optional<ComputeGraph>& graph,
                                               const GraphPlacement& placement) {
  if (!graph) return {};
  std::vector<std::uint64_t> bytes = split_buffer_bytes(graph->graph, placement, kDeviceAlignment, kHostAlignment);
  if (model.known()) return bytes;
  for (std::uint64_t& buffer : bytes) buffer = with_margin(model, graph->cells, buffer).value_or(buffer);
  return bytes;
}

Bytes cache_conversion_bytes(const RunModel& model, const Run& run) {
  const auto is_quantized = [](Dtype type) { return info(type).block_elements > 1; };
  const auto cells = count_cells(model, run);
  if (!cells) return std::nullopt;
  if (!is_quantized(run.key_type) && !is_quantized(run.value_type)) return 0;
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
