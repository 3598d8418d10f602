#include "src/weigh/explain.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "formats/checked.h"
#include "formats/error.h"
#include "src/devices/text.h"
#include "src/fit/candidate.h"
#include "src/fit/companions.h"
#include "src/memory/cache.h"
#include "src/memory/compute.h"
#include "src/memory/engines.h"
#include "src/report/fit_words.h"
#include "src/report/summary.h"
#include "src/report/text_format.h"
#include "src/weigh/weighing.h"

namespace weigh::core {
namespace {

using Steps = std::vector<ExplainedStep>;

/// A run of one model on one set of devices, and what its figures are made of.
struct ExplainedRun {
  const Model& model;
  const Fit& fit;
  Candidate& candidate;
  const Run& run;  ///< with the context that was counted
};

std::int64_t signed_of(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(value, INT64_MAX));
}

void add_step(std::string text, std::uint64_t value, Steps& steps) {
  if (value != 0) steps.push_back({std::move(text), signed_of(value)});
}

std::int64_t sum_of(const Steps& steps) {
  std::int64_t sum = 0;
  for (const ExplainedStep& step : steps) sum += step.value;
  return sum;
}

/// What the steps so far leave open of the value, as one more.
void close_sum(std::uint64_t value, std::string more, std::string less, Steps& steps) {
  const std::int64_t open = signed_of(value) - sum_of(steps);
  if (open != 0) steps.push_back({open > 0 ? std::move(more) : std::move(less), open});
}

// --- KV cache and state ------------------------------------------------------------------------------------------

std::string_view kind_of(const LayerModel& layer) {
  if (layer.sliding) return "sliding layer";
  if (layer.mixer == Mixer::Latent) return "latent layer";
  return layer.recurrent ? "recurrent layer" : "layer";
}

/// Layers that need the same for the same reason.
struct AlikeLayers {
  const LayerModel* layer = nullptr;
  std::uint64_t bytes = 0;  ///< of one
  std::uint64_t count = 0;
};

std::vector<AlikeLayers> alike(const RunModel& model, const std::vector<std::uint64_t>& bytes) {
  std::vector<AlikeLayers> groups;
  for (std::size_t i = 0; i < bytes.size() && i < model.layers.size(); ++i) {
    if (bytes[i] == 0) continue;
    const LayerModel& layer = model.layers[i];
    const auto same = [&](const AlikeLayers& group) {
      return group.bytes == bytes[i] && kind_of(*group.layer) == kind_of(layer) &&
             group.layer->kv_heads == layer.kv_heads && group.layer->key_head == layer.key_head &&
             group.layer->value_head == layer.value_head;
    };
    const auto known = std::ranges::find_if(groups, same);
    if (known == groups.end()) {
      groups.push_back({&layer, bytes[i], 1});
    } else {
      ++known->count;
    }
  }
  return groups;
}

/// Tokens of all sequences that a layer keeps: all of the context, or those of the window. 0 where they are not known.
std::uint64_t tokens_in(const LayerModel& layer, const ExplainedRun& run) {
  const RunModel& model = *run.candidate.run_model();
  if (run.candidate.engine() == Engine::LlamaCpp) {
    const auto cells = count_cells(model, run.run);
    return cells ? (layer.sliding ? cells->window : cells->full) * cells->streams : 0;
  }
  const std::uint64_t sequences = std::max<std::uint64_t>(run.run.sequences, 1);
  const std::uint64_t all = run.fit.context.value_or(0) / sequences;
  const bool slides = layer.sliding && model.window != 0;
  return (slides ? std::min(all, model.window) : all) * sequences;
}

/// Bytes of one row of K or V.
std::uint64_t row_bytes(Dtype type, std::uint64_t values) {
  return tensor_bytes(type, std::array<std::uint64_t, 1>{values}).value_or(0);
}

/// The factors of one layer's bytes: a text only where their product is exactly that. Empty otherwise.
std::string factors_of(const AlikeLayers& group, const ExplainedRun& run) {
  const LayerModel& layer = *group.layer;
  const std::uint64_t tokens = tokens_in(layer, run);
  const std::uint64_t keys = layer.kv_heads * layer.key_head;
  const std::uint64_t values = layer.kv_heads * layer.value_head;
  const std::uint64_t key_row = row_bytes(run.run.key_type, keys);
  const std::uint64_t value_row = values == 0 ? 0 : row_bytes(run.run.value_type, values);
  if (keys == 0 || tokens == 0 || group.bytes != tokens * (key_row + value_row)) return {};
  const std::string count = grouped(tokens) + " tokens";
  if (key_row == value_row && keys == values && key_row % keys == 0) {
    return fmt::format("2 x {} x {} x {} x {}", counted(layer.kv_heads, "KV head"), layer.key_head, count,
                       counted(key_row / keys, "byte"));
  }
  if (values == 0 && key_row % keys == 0) {
    return fmt::format("{} x {} x {}", counted(keys, "value"), count, counted(key_row / keys, "byte"));
  }
  const std::string row = values == 0
                              ? counted(key_row, "byte") + " of K"
                              : fmt::format("({} of K + {} of V)", counted(key_row, "byte"), grouped(value_row));
  return fmt::format("{} x {} in {}", count, row, run.fit.kv_type);
}

void add_companions(NeedPart part, const Fit& fit, Steps& steps) {
  for (const CompanionShare& share : fit.companions) {
    add_step(fmt::format("{} {}", role_name(share.role), share.name), (share.need.*part).value_or(0), steps);
  }
}

/// What an engine with a pool counts alike on each device.
void add_on_each(std::string what, std::uint64_t bytes, const Serving& serving, Steps& steps) {
  if (serving.devices > 1) what = fmt::format("{} x {}", counted(serving.devices, "device"), what);
  add_step(std::move(what), times(bytes, serving.devices), steps);
}

void add_blocks(std::uint64_t blocks, std::string_view what, const ExplainedRun& run, Steps& steps) {
  const Serving& serving = *run.fit.serving;
  add_on_each(fmt::format("{} x {} of {} of {}", counted(run.run.sequences, "sequence"), counted(blocks, "block"),
                          counted(serving.block_bytes, "byte"), what),
              times(times(blocks, serving.block_bytes), run.run.sequences), serving, steps);
}

Steps kv_steps(const ExplainedRun& run) {
  Steps steps;
  if (run.fit.serving) {
    add_blocks(run.fit.serving->token_blocks, "keys and values", run, steps);
    add_companions(&MemoryNeed::kv_cache, run.fit, steps);
    return steps;
  }
  const RunModel* model = run.candidate.run_model();
  if (model == nullptr) return steps;
  std::vector<std::uint64_t> layers;
  if (run.candidate.engine() == Engine::LlamaCpp) {
    const auto caches = layer_caches(*model, run.run);
    for (const LayerCache& cache : caches.value_or(std::vector<LayerCache>())) layers.push_back(cache.kv);
  } else {
    layers = engine_layer_kv(*model, run.run).value_or(std::vector<std::uint64_t>());
  }
  for (const AlikeLayers& group : alike(*model, layers)) {
    const std::string factors = factors_of(group, run);
    add_step(fmt::format("{} x {}", counted(group.count, kind_of(*group.layer)),
                         factors.empty() ? counted(group.bytes, "byte") : factors),
             group.count * group.bytes, steps);
  }
  add_companions(&MemoryNeed::kv_cache, run.fit, steps);
  return steps;
}

Steps state_steps(const ExplainedRun& run) {
  Steps steps;
  if (run.fit.serving) {
    add_blocks(run.fit.serving->state_blocks, "state", run, steps);
    add_companions(&MemoryNeed::state, run.fit, steps);
    return steps;
  }
  const RunModel* model = run.candidate.run_model();
  if (model == nullptr) return steps;
  std::vector<std::uint64_t> layers;
  Run plain = run.run;
  if (run.candidate.engine() != Engine::LlamaCpp) plain.key_type = plain.value_type = Dtype::F16;
  const auto caches = layer_caches(*model, plain);
  for (const LayerCache& cache : caches.value_or(std::vector<LayerCache>())) layers.push_back(cache.state);
  for (const AlikeLayers& group : alike(*model, layers)) {
    const std::uint64_t sequences = std::max<std::uint64_t>(run.run.sequences, 1);
    add_step(fmt::format("{} x {} x {} of state", counted(group.count, kind_of(*group.layer)),
                         counted(sequences, "sequence"), counted(group.bytes / sequences, "byte")),
             group.count * group.bytes, steps);
  }
  add_companions(&MemoryNeed::state, run.fit, steps);
  return steps;
}

// --- the other parts of a need -------------------------------------------------------------------------------------

Steps weights_steps(const ExplainedRun& run) {
  Steps steps;
  const WeightParts& parts = run.candidate.parts();
  if (run.candidate.run_model() == nullptr) {
    add_step("all tensors of the file", run.model.weight_bytes, steps);
  } else {
    std::uint64_t experts = 0;
    std::uint64_t rest = 0;
    std::uint64_t with_experts = 0;
    for (const WeightParts::Block& block : parts.blocks) {
      experts += block.experts;
      rest += block.bytes - block.experts;
      with_experts += block.experts != 0 ? 1 : 0;
    }
    add_step(fmt::format("routed experts of {}", counted(with_experts, "layer")), experts, steps);
    add_step(fmt::format("{}{}", counted(parts.blocks.size(), "layer"), experts == 0 ? "" : " but for their experts"),
             rest, steps);
    add_step(parts.tied ? "what follows the layers" : "output layer", parts.output, steps);
    if (run.fit.input_on_host) {
      if (parts.tied) add_step("token embeddings, which are the output layer as well", parts.embeddings, steps);
    } else {
      add_step("input layer: token embeddings", parts.input, steps);
    }
    add_step("tables that every memory with layers has", parts.everywhere, steps);
  }
  add_companions(&MemoryNeed::weights, run.fit, steps);
  return steps;
}

Steps compute_steps(const ExplainedRun& run) {
  Steps steps;
  Steps last;
  add_companions(&MemoryNeed::compute, run.fit, last);
  if (run.fit.serving) {
    const Serving& serving = *run.fit.serving;
    add_on_each("the peak of the profiling run, an estimate", serving.activation_bytes, serving, steps);
    add_on_each("captured graphs, an estimate", serving.counted_graph_bytes, serving, steps);
    add_on_each("kept free for activations and graphs", serving.kept_free_bytes, serving, steps);
    steps.insert(steps.end(), last.begin(), last.end());
    return steps;
  }
  const RunModel* model = run.candidate.run_model();
  if (model != nullptr && run.candidate.engine() == Engine::LlamaCpp) {
    const std::uint64_t conversion = cache_conversion_bytes(*model, run.run).value_or(0);
    const std::uint64_t whole = run.fit.need.compute.value_or(0);
    if (conversion != 0 && conversion < whole && run.fit.device.count == 1) {
      add_step("the largest layer's quantised cache, turned into 16 bits", conversion, last);
    }
  }
  const std::int64_t graph = signed_of(run.fit.need.compute.value_or(0)) - sum_of(last);
  if (graph > 0) {
    steps.push_back(
        {fmt::format("what the graph of one micro-batch of {} holds at once{}", counted(run.run.micro_batch, "token"),
                     run.fit.basis == Basis::Rules ? "" : ", estimated"),
         graph});
  }
  steps.insert(steps.end(), last.begin(), last.end());
  return steps;
}

Steps overhead_steps(const ExplainedRun& run) {
  Steps steps;
  if (run.fit.serving) {
    add_on_each("driver and communication, an estimate", run.fit.serving->outside_bytes, *run.fit.serving, steps);
    add_companions(&MemoryNeed::overhead, run.fit, steps);
    return steps;
  }
  const std::uint64_t each = engine_overhead(run.fit.device);
  const std::uint64_t count = std::max<std::uint64_t>(run.fit.device.count, 1);
  const std::uint64_t whole = run.fit.need.overhead.value_or(0);
  if (each * count <= whole) {
    add_step(fmt::format("{} x {} for the engine and its driver context, an estimate", counted(count, "device"),
                         human_bytes(each)),
             each * count, steps);
  }
  add_companions(&MemoryNeed::overhead, run.fit, steps);
  return steps;
}

Steps budget_steps(const Fit& fit) {
  Steps steps;
  const std::uint32_t count = std::max<std::uint32_t>(fit.device.count, 1);
  add_step(fmt::format("memory of {}", count == 1 ? fit.device.id : device_label(fit.device)), fit.memory_bytes, steps);
  close_sum(fit.budget_bytes, "more than its memory", "held back: safe is " + rule_text(fit), steps);
  return steps;
}

/// A part of the need, its name in a sentence, and its sum.
struct Term {
  std::string_view name;
  std::string_view words;
  NeedPart part;
  Steps (*steps)(const ExplainedRun&);
};

constexpr std::array kTerms{
    Term{"weights", "weights", &MemoryNeed::weights, weights_steps},
    Term{"kv", "KV cache", &MemoryNeed::kv_cache, kv_steps},
    Term{"state", "recurrent state", &MemoryNeed::state, state_steps},
    Term{"compute", "compute buffers", &MemoryNeed::compute, compute_steps},
    Term{"overhead", "overhead", &MemoryNeed::overhead, overhead_steps},
};

Explanation explain_active(const Model& model) {
  Explanation explanation{.term = "active",
                          .subject = "active parameters of " + model.checkpoint.name,
                          .value = model.active_parameters,
                          .is_bytes = false,
                          .steps = {}};
  if (!explanation.value || !model.known_total()) {
    explanation.value = std::nullopt;
    return explanation;
  }
  const std::uint64_t total = *model.known_total();
  add_step("all parameters", total, explanation.steps);
  if (model.experts && *explanation.value != total) {
    const std::uint64_t routed = std::min(model.experts->parameters, total);
    if (routed != 0) {
      explanation.steps.push_back({fmt::format("routed experts: {} in each of {}", grouped(model.experts->count),
                                               counted(model.experts->layers, "layer")),
                                   -signed_of(routed)});
    }
    close_sum(
        *explanation.value,
        fmt::format("of these {} of {} work on a token", grouped(model.experts->used), grouped(model.experts->count)),
        "what does not work on a token", explanation.steps);
  }
  close_sum(*explanation.value, "counted besides", "what does not work on a token", explanation.steps);
  return explanation;
}

/// The one asked for, or of the common ones the first on which the run fits.
const Fit& chosen(const std::vector<Fit>& fits) {
  const auto fitting = std::ranges::find(fits, Verdict::Fits, &Fit::verdict);
  return fits.size() > 1 && fitting != fits.end() ? *fitting : fits.back();
}

}  // namespace

const std::vector<std::string>& explained_terms() {
  static const std::vector<std::string> kNames{"weights", "kv", "state", "compute", "overhead", "budget", "active"};
  return kNames;
}

Explanation explain(std::string_view term, const Model& model, const RunSetup& setup) {
  if (std::ranges::find(explained_terms(), term) == explained_terms().end()) {
    throw UsageError(fmt::format("explain {}: there are weights, kv, state, compute, overhead, budget and active{}",
                                 term, did_you_mean(term, explained_terms())));
  }
  if (setup.groups.size() > 1) throw UsageError("explain: name one device; --on has several");
  if (term == "active") return explain_active(model);
  const RunRequest request = request_with(setup.options, setup.companions, model);
  const std::vector<Fit> fits = weigh(model, request, setup.groups, setup.catalogue, WeighDetail::Placement).fits;
  if (fits.empty())
    throw UsageError(fmt::format("explain {}: {} is no model that runs by itself", term, model.checkpoint.name));
  const Fit& fit = chosen(fits);
  const std::string place = fmt::format("{} on {}{}", model.checkpoint.name, device_label(fit.device),
                                        fit.engine ? fmt::format(" in {}", engine_name(*fit.engine)) : "");
  Explanation explanation{.term = std::string(term), .subject = {}, .value = {}, .is_bytes = true, .steps = {}};
  if (term == "budget") {
    explanation.subject = fmt::format("safe budget for {}", place);
    explanation.value = fit.budget_bytes;
    explanation.steps = budget_steps(fit);
    return explanation;
  }
  const Term& row = *std::ranges::find(kTerms, term, &Term::name);
  explanation.subject = fmt::format("{} of {}", row.words, place);
  explanation.value = fit.need.*row.part;
  if (!explanation.value) return explanation;
  Candidate candidate(model, engine_of(request, model), request.as, request.companions);
  const Run run = run_of(request, candidate);
  explanation.steps = row.steps({model, fit, candidate, run});
  const bool served = fit.serving.has_value();
  close_sum(*explanation.value,
            served ? "whole on every device, padding and tables" : "on the host and in copies for several memories",
            served ? "what is not loaded" : "what is in no memory of this run", explanation.steps);
  return explanation;
}

}  // namespace weigh::core
