#include "src/memory/memory.h"

#include <algorithm>

#include "formats/checked.h"
#include "src/memory/cache.h"
#include "src/memory/compute.h"
#include "src/memory/engines.h"
#include "src/memory/proven.h"

namespace weigh::core {

namespace {

Basis basis_of(const RunModel& model, const Run& run) {
  if (!model.known()) return Basis::Assumed;
  if (run.engine != Engine::LlamaCpp || !compute_is_replayed(model)) return Basis::Estimate;
  return Basis::Rules;
}

// Architectures whose GGUF tells a recurrent layer by its number of heads, of which config.json has one for all.
bool told_by_heads(RecurrentRule rule) {
  return rule == RecurrentRule::NoKvHeads || rule == RecurrentRule::NoKvHeadsNoFfn;
}

// Whether no key and no tensor tells of anything but attention to all tokens.
bool attention_is_full(const RunModel& model) {
  return model.rule->memory == MemoryKind::Attention && model.rule->window == WindowRule::None &&
         model.rule->indexer == IndexerRule::None && !model.has(kBatchAlone);
}

Remark remark_on(const RunModel& model) {
  if (!model.known()) return attention_is_full(model) ? Remark::AttentionIsFull : Remark::LayersShown;
  if (!model.layers_told_apart && model.rule->memory == MemoryKind::Hybrid && told_by_heads(model.rule->recurrent)) {
    return Remark::LayersAlike;
  }
  const auto expanded = [](const LayerModel& layer) { return !layer.recurrent && (layer.parts & kAbsorbed) == 0; };
  return model.kv_lora_rank != 0 && model.rule->indexer == IndexerRule::None &&
                 std::ranges::any_of(model.layers, expanded)
             ? Remark::LatentExpanded
             : Remark::None;
}

// A cache that is there and cannot be counted: attention, and no word on its heads.
bool heads_unknown(const RunModel& model) {
  if (model.rule->memory != MemoryKind::Attention) return false;
  return std::ranges::all_of(model.layers, [](const LayerModel& layer) { return layer.kv_heads == 0; });
}

ContextNeed llama_cpp_need(const RunModel& model, ComputeGraphs& graphs, const Run& run) {
  ContextNeed counted;
  if (const auto cells = count_cells(model, run)) counted.context = cells->context;
  counted.need.compute = whole_compute_bytes(model, graphs.of(model, run));
  counted.need.logits = host_output_bytes(model, run);
  const auto caches = layer_caches(model, run);
  if (!caches) return counted;
  counted.need.kv_cache = counted.need.state = 0;
  for (const LayerCache& cache : *caches) {
    counted.need.kv_cache = plus(counted.need.kv_cache, Bytes(cache.kv));
    counted.need.state = plus(counted.need.state, Bytes(cache.state));
  }
  return counted;
}

}  // namespace

RunNeed measure(const Model& source, const Run& run) {
  if (const auto model = read_run_model(source)) return measure(source, *model, run);
  RunNeed result;
  result.need.weights = source.weight_bytes;
  result.basis = Basis::Assumed;
  result.remark = Remark::NoLayers;
  return result;
}

RunNeed measure(const Model& source, const RunModel& model, const Run& run) {
  ComputeGraphs graphs;
  return measure(source, model, weight_parts(source, model), graphs, run);
}

RunNeed measure(const Model& source, const RunModel& model, const WeightParts& weights, ComputeGraphs& graphs,
                const Run& run) {
  RunNeed result;
  const bool llama_cpp = run.engine == Engine::LlamaCpp;
  ContextNeed counted = llama_cpp ? llama_cpp_need(model, graphs, run) : engine_need(model, run);
  result.need = counted.need;
  result.need.weights = llama_cpp ? loaded_weights(weights) : source.weight_bytes;
  result.context = counted.context;
  result.basis = basis_of(model, run);
  // A basis of rules says that there is one.
  result.proven = result.basis == Basis::Rules && proven_by_runs(model.rule->name);
  result.remark = remark_on(model);
  if (!model.known()) result.architecture = model.architecture;
  if (heads_unknown(model)) {
    result.need.kv_cache = result.need.compute = std::nullopt;
    result.remark = Remark::HeadsUnknown;
  }
  return result;
}

std::optional<SplitNeed> measure_split(const Model& source, const Run& run, std::span<const double> proportions) {
  const auto model = read_run_model(source);
  if (!model) return std::nullopt;
  return split_need(source, *model, run, proportions);
}

}  // namespace weigh::core
