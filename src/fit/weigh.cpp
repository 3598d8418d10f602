#include "src/fit/weigh.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "formats/error.h"
#include "src/fit/common_devices.h"
#include "src/fit/context.h"
#include "src/fit/engine_flags.h"
#include "src/fit/placement.h"
#include "src/fit/refusal.h"
#include "src/fit/speed.h"
#include "src/fit/verdict.h"
#include "src/fit/weigh_run.h"
#include "src/fit/weigh_training.h"
#include "src/model/kind.h"

namespace weigh::core {

namespace {

// Whether nearly all of it is plain floating point, as a trainer writes it.
bool is_unquantized(const Model& model) {
  if (model.quantization || model.checkpoint.files.empty() || model.checkpoint.kind != CheckpointKind::Model)
    return false;
  std::uint64_t plain = 0;
  for (const DtypeTotals& row : model.by_dtype) {
    if (row.dtype == "F32" || row.dtype == "F16" || row.dtype == "BF16") plain += row.bytes;
  }
  return model.weight_bytes > 0 && plain > model.weight_bytes - model.weight_bytes / 100;
}

void check(const RunRequest& request, Engine engine) {
  if (!takes_cache_type(engine, {request.key_type, request.scale_per_head}) ||
      !takes_cache_type(engine, {request.value_type, request.scale_per_head})) {
    throw UsageError(
        fmt::format("{} keeps no cache in such a type; there are {}", engine_name(engine), cache_types_listed(engine)));
  }
}

void add_run(Candidate& candidate, const Run& run, const DeviceSet& devices, Fit& fit) {
  fit.command = command_line(candidate, run, devices, fit);
  // Which weights transformers puts where is its own choice: no figure of theirs says how long or how fast it runs.
  if (fit.reason.kind == ReasonKind::WeightsOnHost) return;
  if (const auto largest = largest_context(candidate, run, devices)) {
    fit.max_context = largest->tokens;
    fit.max_context_is_models = largest->is_models;
  }
  if (fit.verdict <= Verdict::Offload) fit.speed = speed_bound(candidate, run, devices);
}

DeviceSet one_of(const DeviceSet& devices) {
  DeviceSet one = devices;
  one.slots.erase(one.slots.begin() + 1, one.slots.end());
  one.label.count = one.label.asked = 1;
  return one;
}

// Files of another program, which is not known here: nobody asked for this engine.
bool is_for_another(const FitReason& reason) {
  return reason.kind == ReasonKind::ModelNotRun || reason.kind == ReasonKind::SchemeNotRead;
}

Fit weigh_on(Candidate& candidate, const Run& run, const DeviceSet& devices, const Catalogue& catalogue,
             WeighDetail detail, bool engine_asked) {
  const Model& model = candidate.source();
  Fit fit = weigh_run(candidate, run, devices);
  const Finding* const damaged = damage(model);
  std::optional<FitReason> refused = refusal(model, candidate.engine(), devices);
  const bool no_engine = !engine_asked && refused && is_for_another(*refused);
  if (no_engine) refused = std::nullopt;
  if (damaged != nullptr) {
    refuse({ReasonKind::Damaged, 0, damaged->message, damaged->code}, Verdict::Broken, fit);
  } else if (refused) {
    refuse(*refused, Verdict::No, fit);
  } else if (detail != WeighDetail::Need && fit.reason.kind != ReasonKind::SettingRefused) {
    const Run placed = add_placement(candidate, run, devices, fit);
    fit.one_would_do = fit.verdict == Verdict::Fits && devices.slots.size() > 1 && devices.alike() &&
                       fits(candidate, run, one_of(devices));
    if (detail >= WeighDetail::Run) add_run(candidate, placed, devices, fit);
    if (detail == WeighDetail::Advice && fit.verdict != Verdict::Fits) {
      fit.advice = advise(candidate, run, devices, catalogue, fit.verdict);
    }
  }
  if (no_engine) {
    fit.engine = std::nullopt;
    fit.command.clear();
  }
  if (parts_missing(model.checkpoint)) fit.remark = Remark::PartsMissing;
  return fit;
}

}  // namespace

namespace {

// As many tokens as llama.cpp drafts at a time unless it is told (--spec-draft-n-max).
constexpr std::uint64_t kDraftLength = 3;

// Drafts from the model's own rows make the model keep states to go back to; drafts of another model do not
// (docs/memory-rules.md 4).
bool drafts_with_rows(const Candidate& candidate) {
  if (candidate.engine() != Engine::LlamaCpp) return false;
  return std::ranges::any_of(candidate.companions(), [&](const Companion& companion) {
    if (companion.role == CompanionRole::Prediction) return true;
    if (companion.role != CompanionRole::Draft || candidate.draft() == nullptr) return false;
    const RunModel* draft = candidate.draft()->run_model();
    return draft != nullptr && (draft->architecture == "eagle3" || draft->architecture == "dflash");
  });
}

}  // namespace

Engine engine_of(const RunRequest& request, const Model& model) {
  if (request.as != nullptr) return Engine::LlamaCpp;
  return request.engine.value_or(default_engine(model));
}

Run run_of(const RunRequest& request, const Candidate& candidate) {
  Run run;
  run.engine = candidate.engine();
  run.context = request.context;
  run.key_type = request.key_type;
  run.value_type = request.value_type;
  run.draft_key_type = request.draft_key_type;
  run.draft_value_type = request.draft_value_type;
  run.sequences = request.sequences;
  run.unified_cache = request.unified_cache;
  run.batch = request.batch;
  run.micro_batch = request.micro_batch;
  run.flash_attention = request.flash_attention;
  run.full_window_cache = request.full_window_cache;
  run.gpu_layers = request.gpu_layers;
  run.cpu_moe_layers = request.cpu_moe_layers;
  run.cpu_ffn_layers = request.cpu_ffn_layers;
  run.projector_on_host = request.projector_on_host;
  run.scale_per_head = request.scale_per_head;
  run.serving = request.serving;
  run.prompt = request.prompt;
  run.generated = request.generated;
  run.eager_attention = request.eager_attention;
  if (drafts_with_rows(candidate)) run.drafted = kDraftLength;
  if (request.longest_context && candidate.run_model() != nullptr) {
    run.context = candidate.run_model()->trained_context;
  }
  return run;
}

Weighing weigh(const Model& model, const RunRequest& request, std::span<const DeviceSet> sets,
               const Catalogue& catalogue, WeighDetail detail) {
  if (request.training) return weigh_training(model, *request.training, sets, catalogue, detail);
  const Engine engine = engine_of(request, model);
  check(request, engine);
  Candidate candidate(model, engine, request.as, request.companions);
  const Run run = run_of(request, candidate);
  Weighing weighing;
  if (!runs_alone(model.kind)) return weighing;
  const bool engine_asked = (request.engine && !request.engine_is_default) || request.as != nullptr;
  weighing.common_devices = sets.empty() && model.weight_bytes > 0;
  if (weighing.common_devices) {
    const auto weighed = [&](WeighDetail common_detail) {
      return [&, common_detail](const DeviceSet& devices) {
        return weigh_on(candidate, run, devices, catalogue, common_detail, engine_asked);
      };
    };
    weighing.fits = common_devices(catalogue, weighed(WeighDetail::Need), weighed(WeighDetail::Placement));
  }
  for (const DeviceSet& devices : sets) {
    weighing.fits.push_back(weigh_on(candidate, run, devices, catalogue, detail, engine_asked));
  }
  return weighing;
}

Weighing weigh_bytes(std::uint64_t weight_bytes, std::span<const DeviceSet> sets, const Catalogue& catalogue) {
  MemoryNeed need;
  need.weights = weight_bytes;
  Weighing weighing;
  weighing.common_devices = sets.empty() && weight_bytes > 0;
  const auto judged = [&](const DeviceSet& devices) {
    Fit fit = judge(devices, need, std::nullopt);
    offload_weights({}, devices, fit);
    return fit;
  };
  if (weighing.common_devices) weighing.fits = common_devices(catalogue, judged);
  for (const DeviceSet& devices : sets) weighing.fits.push_back(judged(devices));
  return weighing;
}

QuantizedChoices quantized_choices(const Model& model, const RunRequest& request, std::span<const DeviceSet> sets,
                                   std::span<const Fit> fits) {
  constexpr std::array<std::string_view, 4> kShown = {"Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M"};
  QuantizedChoices choices;
  if (request.training) return choices;
  if (!model.parameters_known || damage(model) != nullptr || !is_unquantized(model) || !runs_alone(model.kind)) {
    return choices;
  }
  if (sets.empty()) {
    const GgufPlan plan = plan_gguf(model);
    for (const std::string_view name : kShown) {
      const QuantizerType* type = find_quantizer_type(name);
      choices.sizes.push_back({type, predict(plan, *type).tensor_bytes});
    }
    return choices;
  }
  RunRequest in_llama_cpp = request;
  if (request.engine && request.engine != Engine::LlamaCpp) {
    in_llama_cpp.key_type = in_llama_cpp.value_type = Dtype::F16;
    in_llama_cpp.scale_per_head = false;
  }
  const Candidate candidate(model, Engine::LlamaCpp);
  const Run run = run_of(in_llama_cpp, candidate);
  for (std::size_t i = 0; i < sets.size(); ++i) {
    auto largest = largest_fitting_type(model, run, sets[i], request.companions);
    const bool fits_as_it_is = i < fits.size() && fits[i].verdict == Verdict::Fits;
    if (largest || !fits_as_it_is) choices.on_devices.push_back({sets[i].label, std::move(largest)});
  }
  return choices;
}

}  // namespace weigh::core
