// A run on devices: what each needs against its budget.
#include "src/fit/weigh_run.h"

#include <algorithm>
#include <utility>

#include "formats/checked.h"
#include "src/fit/engine_flags.h"
#include "src/fit/layout.h"
#include "src/fit/serving.h"
#include "src/fit/verdict.h"
#include "src/memory/engines.h"
#include "src/memory/refused_setting.h"

namespace weigh::core {

namespace {

CacheShape cache_shape(const RunModel& model) {
  CacheShape shape;
  for (const LayerModel& layer : model.layers) {
    if (!layer.cached) continue;
    ++shape.layers;
    shape.sliding += layer.sliding ? 1 : 0;
    shape.latent = shape.latent || (layer.mixer == Mixer::Latent && (layer.parts & kAbsorbed) != 0);
    shape.least_heads = shape.layers == 1 ? layer.kv_heads : std::min(shape.least_heads, layer.kv_heads);
    shape.most_heads = std::max(shape.most_heads, layer.kv_heads);
  }
  return shape;
}

// A model of which nothing is known but its tensors.
Fit weigh_weights(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  SaturatingSum weights{.value = candidate.whole(run).need.weights.value_or(0)};
  for (const Companion& companion : candidate.companions()) {
    if (companion.role != CompanionRole::Prediction) weights.add(companion.model->weight_bytes);
  }
  const Engine engine = candidate.engine();
  std::vector<Load> loads;
  if (devices.alike()) {
    Load& load = loads.emplace_back(Load{.slot = &devices.slots.front(), .count = devices.slots.size(), .need = {}});
    load.need.weights = weights.value;
    load.need.overhead = engine_overhead(load.slot->device);
    if (load.count > 1) load.pieces = candidate.layer_pieces();
    return judge(devices.label, loads, engine);
  }
  SaturatingSum budgets;
  for (const Slot& slot : devices.slots) budgets.add(slot.budget.safe);
  for (const Slot& slot : devices.slots) {
    Load& load = loads.emplace_back(Load{.slot = &slot, .need = {}});
    load.need.weights = scaled(weights.value, slot.budget.safe, std::max<std::uint64_t>(budgets.value, 1));
    load.need.overhead = engine_overhead(slot.device);
  }
  return judge(devices.label, loads, engine);
}

CompanionShare share_of(const CompanionNeed& needs, const Run& run) {
  const Companion& companion = *needs.companion;
  CompanionShare share{.role = companion.role,
                       .name = companion.model->checkpoint.name,
                       .path = companion.model->checkpoint.path,
                       .need = needs.slots.front(),
                       .host_bytes = needs.host.total()};
  if (share.role == CompanionRole::Prediction) share.name = "its own next-token blocks";
  if (share.role != CompanionRole::Projector) share.kv_type = cache_type_text(run.draft_key_type, run.draft_value_type);
  for (std::size_t i = 1; i < needs.slots.size(); ++i) share.need = plus(share.need, needs.slots[i]);
  return share;
}

Fit weigh_layout(Candidate& candidate, const Run& run, const DeviceSet& devices, const Layout& layout) {
  std::vector<Load> loads;
  const std::vector<Slot> slots = layout.start ? served_slots(devices, *layout.start) : devices.slots;
  for (std::size_t i = 0; i < slots.size(); ++i) loads.push_back({.slot = &slots[i], .need = layout.slots[i]});
  Fit fit = judge(devices.label, loads, candidate.engine());
  fit.context = candidate.whole(run).context;
  fit.kv_type = cache_type_text(run);
  if (candidate.engine() == Engine::Transformers) fit.prompt = prompt_tokens(*candidate.run_model(), run);
  fit.cache_shape = cache_shape(*candidate.run_model());
  fit.cache_shape.with_draft = candidate.draft() != nullptr;
  for (const CompanionNeed& needs : layout.companions) fit.companions.push_back(share_of(needs, run));
  if (layout.start) judge_start(run, *layout.start, fit);
  return fit;
}

// A projector's working memory is never the engine's own figure.
Basis basis_of(Candidate& candidate, const Run& run) {
  Basis basis = candidate.whole(run).basis;
  for (const Companion& companion : candidate.companions()) {
    const bool draft = companion.role != CompanionRole::Projector && candidate.draft() != nullptr;
    basis = std::max(basis, draft ? candidate.draft()->whole(draft_run(candidate, run)).basis : Basis::Estimate);
  }
  return basis;
}

// Recorded runs are of a model alone in the memory of a host.
bool is_exact(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  const auto of_host = [](const Slot& slot) {
    return slot.device.kind == DeviceKind::Cpu || slot.device.kind == DeviceKind::Size;
  };
  return candidate.engine() == Engine::LlamaCpp && candidate.whole(run).proven && candidate.companions().empty() &&
         devices.slots.size() == 1 && !devices.host.has_value() && of_host(devices.slots.front());
}

// Whether a layer, the output layer among them, or its experts are on the host.
bool puts_layers_on_host(const Candidate& candidate, const Run& run) {
  const bool layers = run.gpu_layers && *run.gpu_layers <= candidate.parts().blocks.size();
  return layers || (run.cpu_moe_layers != 0 && candidate.has_experts()) || run.cpu_ffn_layers != 0;
}

// The host's part of a run is counted in the need where layers are there; else it is the input layer, which has to find
// a place there all the same.
void judge_host(const Candidate& candidate, const Run& run, const Layout& layout, const DeviceSet& devices, Fit& fit) {
  const HostMemory& host = *devices.host;
  const bool layers = puts_layers_on_host(candidate, run);
  fit.input_on_host = !layers;
  if (!layers && layout.host.total() <= host.slot.budget.safe) return;
  set_need(plus(fit.need, layout.host), fit);
  put_on_host(layout.host.total(), host, fit);
  if (fit.verdict == Verdict::Offload) fit.reason = {ReasonKind::Placement};
}

// Of the model, or of what drafts for it.
std::optional<std::string> refused(Candidate& candidate, const Run& run) {
  auto why = refused_setting(*candidate.run_model(), run);
  if (why || candidate.draft() == nullptr || candidate.draft()->run_model() == nullptr) return why;
  return refused_setting(*candidate.draft()->run_model(), draft_run(candidate, run));
}

}  // namespace

Fit weigh_run(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  const RunNeed& whole = candidate.whole(run);
  const bool split = beside_host(candidate, devices);
  const bool known = candidate.run_model() != nullptr;
  Layout layout;
  if (known) layout = lay_out(candidate, run, devices);
  Fit fit = known ? weigh_layout(candidate, run, devices, layout) : weigh_weights(candidate, run, devices);
  fit.basis = basis_of(candidate, run);
  fit.exact = is_exact(candidate, run, devices);
  fit.remark = whole.remark;
  fit.architecture = whole.architecture;
  if (split) judge_host(candidate, run, layout, devices, fit);
  if (known && !fit.counted_whole() && fit.verdict == Verdict::Fits) fit.reason = {ReasonKind::AsFarAsKnown};
  if (!known) return fit;
  if (auto why = refused(candidate, run)) {
    refuse({ReasonKind::SettingRefused, 0, std::move(*why)}, Verdict::No, fit);
  }
  return fit;
}

bool runs(const Fit& fit) {
  return fit.on_devices == Verdict::Fits && fit.verdict <= Verdict::Offload && fit.counted_whole();
}

bool fits(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  return runs(weigh_run(candidate, run, devices));
}

}  // namespace weigh::core
