#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "formats/checked.h"
#include "src/memory/cache.h"
#include "src/memory/graph/scheduler.h"
#include "src/memory/run.h"
#include "src/memory/run_model.h"

namespace weigh::core {

/// The compute buffers of a run in bytes: the graph of one micro-batch with all cells in use, laid out as the engine
/// lays it out. All of them give nothing where count_cells() has nothing or a size does not fit in 64 bits. For an
/// architecture whose graph is not replayed they are estimates on the safe side.

/// The graph, wherever its parts lie.
struct ComputeGraph {
  Cells cells;
  Graph graph;
};

/// A model's graphs, for runs that differ by where their parts lie: the last ones are kept. Empty where there is nothing.
class ComputeGraphs {
 public:
  /// There until the next call. The model is the same each time.
  const std::optional<ComputeGraph>& of(const RunModel& model, const Run& run);

 private:
  struct Kept {
    Run run;
    std::optional<ComputeGraph> graph;
  };
  std::vector<Kept> kept_;
};

/// Of one memory that runs everything: a host alone.
Bytes whole_compute_bytes(const RunModel& model, const Run& run);
Bytes whole_compute_bytes(const RunModel& model, const std::optional<ComputeGraph>& graph);

/// Of each of several memories, by where weights and caches lie in them: the devices, then the host. Empty where there
/// is nothing.
std::vector<std::uint64_t> split_compute_bytes(const RunModel& model, const std::optional<ComputeGraph>& graph,
                                               const GraphPlacement& placement);

/// The logits of one batch, which lie on the host whatever holds the output layer.
Bytes host_output_bytes(const RunModel& model, const Run& run);

/// What a GPU adds to its compute buffer for a quantized cache: the largest layer's K and V in 16 bits (docs/memory-rules.md
/// 5.5). 0 when neither is quantized.
Bytes cache_conversion_bytes(const RunModel& model, const Run& run);

/// Whether the figures above are the engine's, block by block, or an estimate.
bool compute_is_replayed(const RunModel& model);

}  // namespace weigh::core
