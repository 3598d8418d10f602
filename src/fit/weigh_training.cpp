// Training against budgets, and what makes it fit: docs/training.md 5.
#include "src/fit/weigh_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "formats/checked.h"
#include "src/fit/common_devices.h"
#include "src/fit/refusal.h"
#include "src/fit/verdict.h"
#include "src/model/kind.h"

namespace weigh::core {

namespace {

TrainingSettings on(const DeviceSet& devices, TrainingSettings settings) {
  settings.devices = devices.slots.size();
  return settings;
}

// As a need: what the optimizer keeps is the state, what a step keeps is the compute part.
MemoryNeed need_of(const TrainingNeed& training) {
  MemoryNeed need = MemoryNeed::none();
  need.weights = training.weights;
  need.state = plus(training.gradients, training.optimizer_states);
  need.compute = saturating_plus(training.activations, training.logits);
  need.overhead = training.overhead;
  return need;
}

Fit judge_training(const TrainedModel& model, const TrainingSettings& asked, const DeviceSet& devices) {
  const TrainingSettings settings = on(devices, asked);
  const TrainingNeed one = model.need(settings);
  const MemoryNeed need = need_of(one);
  std::vector<Load> loads;
  for (const Slot& slot : devices.slots) {
    Load& load = loads.emplace_back(Load{.slot = &slot, .need = need});
    if (!devices.alike()) continue;
    load.count = devices.slots.size();
    for (const NeedPart part : kNeedParts) {
      if (part != &MemoryNeed::overhead && load.need.*part) load.need.*part = times(*(load.need.*part), load.count);
    }
    break;
  }
  Fit fit = judge(devices.label, loads, std::nullopt);
  fit.training = Training{settings, model.tokens(settings), times(one, settings.devices), model.rules(settings),
                          model.assumptions(settings)};
  fit.basis = Basis::Estimate;
  if (fit.reason.kind == ReasonKind::MoreOnHost) fit.reason.kind = ReasonKind::NotOffloaded;
  if (!fit.counted_whole() && fit.verdict == Verdict::Fits) fit.reason = {ReasonKind::AsFarAsKnown};
  return fit;
}

// A change of how it is trained; without a text it changes nothing.
struct Change {
  std::string text;
  std::vector<std::string> flags;
  TrainingSettings settings;
};

class TrainingAdviser {
 public:
  TrainingAdviser(const Model& source, const TrainedModel& model, const TrainingSettings& settings,
                  const DeviceSet& devices)
      : source_(source), model_(model), settings_(settings), devices_(devices) {}

  std::vector<Advice> all() {
    single();
    if (advice_.empty()) with_less({"", {}, settings_}, devices_);
    sharded();
    adapters();
    more_devices();
    return std::move(advice_);
  }

 private:
  bool propose(const Change& change, const DeviceSet& devices) {
    const Fit fit = judge_training(model_, change.settings, devices);
    if (fit.verdict != Verdict::Fits || !fit.counted_whole()) return false;
    Advice advice{.kind = AdviceKind::Training, .name = change.text, .flags = change.flags};
    advice.need_bytes = fit.need.total();
    advice_.push_back(std::move(advice));
    return true;
  }

  static void add(std::string text, std::vector<std::string> flags, Change& change) {
    change.text += (change.text.empty() ? "" : ", ") + std::move(text);
    change.flags.insert(change.flags.end(), flags.begin(), flags.end());
  }

  static Change checkpointed(Change change) {
    if (change.settings.checkpointing == Checkpointing::Full) return change;
    change.settings.checkpointing = Checkpointing::Full;
    add("full checkpointing (a third more time)", {"--checkpointing", "full"}, change);
    return change;
  }

  static Change in_batches_of(std::uint64_t sequences, Change change) {
    if (change.settings.sequences <= sequences) return change;
    change.settings.sequences = sequences;
    add(fmt::format("batches of {} on each device", sequences), {"--batch", std::to_string(sequences)}, change);
    return change;
  }

  static Change with_tokens(std::uint64_t tokens, Change change) {
    change.settings.tokens = tokens;
    add(fmt::format("sequences of {} tokens", tokens), {"--seq", std::to_string(tokens)}, change);
    return change;
  }

  static Change in_eight_bits(Change change) {
    static const Optimizer* const row = find_optimizer("adamw-8bit");
    const Optimizer& now = *change.settings.optimizer;
    if (now.state + now.master <= row->state + row->master) return change;
    change.settings.optimizer = row;
    add("an optimizer in 8 bits", {"--optimizer", std::string(row->name)}, change);
    return change;
  }

  // Each change by itself.
  void single() {
    const Change as_asked{"", {}, settings_};
    for (const Change& change : {checkpointed(as_asked), in_eight_bits(as_asked)}) {
      if (!change.text.empty()) propose(change, devices_);
    }
    for (std::uint64_t half = settings_.sequences / 2; half != 0; half /= 2) {
      if (propose(in_batches_of(half, as_asked), devices_)) break;
    }
    halved(as_asked, devices_);
  }

  // The change, and where it does not do alone, with less and less beside it.
  bool with_less(const Change& change, const DeviceSet& devices) {
    if (!change.text.empty() && propose(change, devices)) return true;
    const Change small = checkpointed(change);
    if (propose(small, devices)) return true;
    const Change smaller = in_batches_of(1, small);
    if (propose(smaller, devices)) return true;
    const Change smallest = in_eight_bits(smaller);
    return propose(smallest, devices) || halved(smallest, devices);
  }

  // The longest of halves of a sequence that fits.
  bool halved(const Change& change, const DeviceSet& devices) {
    constexpr std::uint64_t kLeastTokens = 512;
    for (std::uint64_t half = model_.tokens(settings_) / 2; half >= kLeastTokens; half /= 2) {
      if (propose(with_tokens(half, change), devices)) return true;
    }
    return false;
  }

  void sharded() {
    if (devices_.slots.size() < 2) return;
    for (const NamedSetting<Sharding>& row : shardings()) {
      if (row.value <= settings_.sharding) continue;
      Change change{"", {}, settings_};
      change.settings.sharding = row.value;
      add(fmt::format("{} over the {} devices", row.name, devices_.slots.size()), {"--shard", std::string(row.name)},
          change);
      const bool last = row.value == Sharding::Zero3;
      if (last ? with_less(change, devices_) : propose(change, devices_)) return;
    }
  }

  void adapters() {
    for (const auto& [recipe, text] : {std::pair{Recipe::Lora, "LoRA"}, std::pair{Recipe::Qlora, "QLoRA"}}) {
      if (recipe <= settings_.recipe || not_trained(source_, recipe) || model_.refusal(recipe)) continue;
      Change change{"", {}, settings_};
      change.settings.recipe = recipe;
      add(fmt::format("{} of rank {}", text, settings_.rank), {"--train", std::string(name_of(recipe))}, change);
      if (with_less(change, devices_)) return;
    }
  }

  // The fewest of the same, by powers of two, that share everything.
  void more_devices() {
    constexpr std::size_t kMost = 64;
    const bool one_by_one = devices_.label.asked == devices_.label.count;  // no whole machines
    if (!devices_.alike() || !one_by_one || devices_.slots.size() >= kMost) return;
    std::size_t count = 2;
    while (count <= devices_.slots.size()) count *= 2;
    for (; count <= kMost; count *= 2) {
      Device more = devices_.slots.front().device;
      more.count = more.asked = static_cast<std::uint32_t>(count);
      Change change{"", {}, settings_};
      change.settings.sharding = Sharding::Zero3;
      const std::string name = fmt::format("{}x {}", count, more.id);
      add("zero3 over " + name, {"--on", name, "--shard", "zero3"}, change);
      const DeviceSet devices = device_set_of(more);
      if (propose(change, devices) || propose(checkpointed(change), devices)) return;
    }
  }

  const Model& source_;
  const TrainedModel& model_;
  const TrainingSettings& settings_;
  const DeviceSet& devices_;
  std::vector<Advice> advice_;
};

// Need and verdict of what cannot be trained so.
Fit refused_training(const Model& model, const DeviceSet& devices, FitReason reason, Verdict verdict) {
  MemoryNeed need;
  need.weights = model.weight_bytes;
  Fit fit = judge(devices, need, std::nullopt);
  refuse(reason, verdict, fit);
  return fit;
}

Fit train_on(const Model& source, const TrainedModel& model, const TrainingSettings& settings, const DeviceSet& devices,
             WeighDetail detail) {
  if (const Finding* damaged = damage(source)) {
    return refused_training(source, devices, {ReasonKind::Damaged, 0, damaged->message, damaged->code},
                            Verdict::Broken);
  }
  auto why = not_trained(source, settings.recipe);
  if (!why) why = model.refusal(settings.recipe);
  if (why) {
    return refused_training(source, devices, {ReasonKind::NotTrained, 0, std::move(*why)}, Verdict::No);
  }
  Fit fit = judge_training(model, settings, devices);
  if (parts_missing(source.checkpoint)) fit.remark = Remark::PartsMissing;
  if (detail == WeighDetail::Advice && fit.verdict != Verdict::Fits) {
    fit.advice = TrainingAdviser(source, model, settings, devices).all();
  }
  return fit;
}

}  // namespace

Weighing weigh_training(const Model& model, const TrainingSettings& settings, std::span<const DeviceSet> sets,
                        const Catalogue& catalogue, WeighDetail detail) {
  Weighing weighing;
  if (!runs_alone(model.kind)) return weighing;
  const TrainedModel trained(model);
  weighing.common_devices = sets.empty() && model.weight_bytes > 0;
  if (weighing.common_devices) {
    weighing.fits = common_devices(catalogue, [&](const DeviceSet& devices) {
      // Nobody buys a machine of eight devices to hold everything eight times; the report says so.
      TrainingSettings shared = settings;
      if (devices.slots.size() > 1 && shared.sharding == Sharding::None) shared.sharding = Sharding::Zero3;
      return train_on(model, trained, shared, devices, WeighDetail::Placement);
    });
  }
  for (const DeviceSet& devices : sets) {
    weighing.fits.push_back(train_on(model, trained, settings, devices, detail));
  }
  return weighing;
}

}  // namespace weigh::core
