#include "src/memory/memory.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/checked.h"
#include "src/memory/cache.h"
#include "src/memory/compute.h"
#include "src/memory/engines.h"

namespace weigh::core {

namespace {

Basis basis_of(const RunModel& model, const Run& run) {
  if (model.rule == nullptr) return Basis::Assumed;
  if (run.engine != Engine::LlamaCpp || !compute_is_replayed(model)) return Basis::Estimate;
  return Basis::Rules;
}

std::string remark_on(const RunModel& model) {
  if (model.rule == nullptr) {
    return fmt::format("attention assumed full: no rule for {} yet",
                       model.architecture.empty() ? "an architecture the files do not name" : model.architecture);
  }
  const bool expanded = model.kv_lora_rank != 0 && model.rule->indexer == IndexerRule::None &&
                        (model.layers.front().parts & kAbsorbed) == 0;
  if (expanded) {
    return "this file keeps latent attention expanded: its cache is many times that of a file converted since";
  }
  return {};
}

// A cache that is there and cannot be counted: attention, and no word on its heads.
bool heads_unknown(const RunModel& model) {
  if (model.rule != nullptr && model.rule->memory != MemoryKind::Attention) return false;
  return std::ranges::all_of(model.layers, [](const LayerModel& layer) { return layer.kv_heads == 0; });
}

void set_llama_cpp(const RunModel& model, const Run& run, Footprint& footprint) {
  if (const auto cells = count_cells(model, run)) footprint.context = cells->context;
  footprint.compute = whole_compute_bytes(model, run);
  footprint.logits = host_output_bytes(model, run);
  const auto caches = layer_caches(model, run);
  if (!caches) return;
  footprint.kv_cache = footprint.state = 0;
  const auto add = [](std::optional<std::uint64_t>& sum, std::uint64_t bytes) {
    sum = sum ? checked_add(*sum, bytes) : std::nullopt;
  };
  for (const LayerCache& cache : *caches) {
    add(footprint.kv_cache, cache.kv);
    add(footprint.state, cache.state);
  }
}

void set_engine(const RunModel& model, const Run& run, Footprint& footprint) {
  const EngineMemory memory = engine_memory(model, run);
  footprint.kv_cache = memory.kv_cache;
  footprint.state = memory.state;
  footprint.compute = memory.compute;
  footprint.context = memory.context;
  footprint.logits = 0;
}

}  // namespace

Footprint measure(const Model& source, const Run& run) {
  Footprint footprint;
  footprint.weights = source.weight_bytes;
  const auto model = read_run_model(source);
  if (!model) {
    footprint.basis = Basis::Assumed;
    footprint.remark = "the files do not say how many layers the model has and how wide they are";
    return footprint;
  }
  footprint.basis = basis_of(*model, run);
  footprint.remark = remark_on(*model);
  if (run.engine == Engine::LlamaCpp) {
    footprint.weights = loaded_weights(source, *model);
    set_llama_cpp(*model, run, footprint);
  } else {
    set_engine(*model, run, footprint);
  }
  if (heads_unknown(*model)) {
    footprint.kv_cache = footprint.compute = std::nullopt;
    footprint.remark = "the files do not say how many heads the attention has: its cache is not counted";
  }
  return footprint;
}

std::optional<Placement> measure_split(const Model& source, const Run& run, std::span<const double> proportions) {
  const auto model = read_run_model(source);
  if (!model) return std::nullopt;
  return place(source, *model, run, proportions);
}

}  // namespace weigh::core
