#include "src/report/fit_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "src/devices/rule.h"
#include "src/devices/units.h"
#include "src/report/summary.h"
#include "src/report/text_format.h"

namespace weigh::core {
namespace {

/// "192 GiB", "81559 MiB", else as people read it: the figures a device is known by are whole.
std::string size_text(std::uint64_t bytes) {
  if (bytes % kGiB == 0) return fmt::format("{} GiB", bytes / kGiB);
  if (bytes % kMiB == 0) return fmt::format("{} MiB", bytes / kMiB);
  return human_bytes(bytes);
}

/// " (7000 MiB free now)": said where it does not decide.
std::string free_aside(const Budget& budget) {
  return budget.limit_is_free && budget.stated_limit ? fmt::format(" ({} free now)", size_text(*budget.stated_limit))
                                                     : "";
}

std::string unified_text(const Budget& budget) {
  std::string origin = budget.stated_limit ? "" : ", half of memory,";
  if (budget.limit_is_free) origin = fmt::format(" free now of {},", size_text(budget.memory));
  return fmt::format("the GPU's {}{} less 1 GiB margin", size_text(budget.stated_limit.value_or(budget.memory / 2)),
                     origin);
}

std::string system_text(const Budget& budget, std::string_view what) {
  return fmt::format("{} less {} for the operating system{}{}", size_text(budget.memory), size_text(budget.held_back),
                     what, free_aside(budget));
}

/// "3.00 GiB above what the driver gives"
std::string against(std::uint64_t need, std::uint64_t bytes, std::string_view what) {
  if (need == bytes) return fmt::format("exactly {}", what);
  return fmt::format("{} {} {}", human_bytes(apart(need, bytes)), need > bytes ? "above" : "below", what);
}

/// "the experts of 9 layers and 12 of 33 layers in host memory, 5.20 GiB there"
std::string offload_text(const Advice& advice) {
  std::string text = advice.name.empty() ? "" : advice.name + " and ";
  const bool layers = advice.kind == AdviceKind::Layers;
  if (advice.expert_layers != 0) {
    text += fmt::format("the experts of {}{}", counted(advice.expert_layers, "layer"), layers ? " and " : "");
  }
  if (layers) text += fmt::format("{} of {} layers", advice.host_layers, advice.all_layers);
  return text + fmt::format(" in host memory, {} there", human_bytes(advice.host_bytes));
}

std::string and_context(const Advice& advice) {
  return advice.context ? fmt::format(" and a context of {} tokens", *advice.context) : "";
}

/// What makes a broken file whole, where anything does.
std::string_view repair_text(std::optional<FindingCode> code) {
  if (code == FindingCode::Truncated || code == FindingCode::UnreadableShard) return "download it again";
  return code == FindingCode::MissingShard ? "download what is missing" : "";
}

}  // namespace

std::vector<PartBytes> parts_of(const Fit& fit) {
  std::vector<PartBytes> parts;
  if (!fit.training) {
    for (const auto& [name, part] : kShownParts) parts.push_back({name, fit.need.*part, part});
    return parts;
  }
  const TrainingNeed& need = fit.training->need;
  return {{"weights", need.weights},         {"gradients", need.gradients}, {"optimizer", need.optimizer_states},
          {"activations", need.activations}, {"logits", need.logits},       {"overhead", need.overhead}};
}

std::string training_text(const Training& training) {
  const TrainingSettings& settings = training.settings;
  std::string text;
  switch (settings.recipe) {
    case Recipe::Full: text = "all"; break;
    case Recipe::Lora: text = fmt::format("LoRA of rank {},", settings.rank); break;
    case Recipe::Qlora: text = fmt::format("QLoRA of rank {},", settings.rank); break;
  }
  return text + fmt::format(" {} parameters trained; {}; {} of {} tokens{}; checkpointing {}",
                            human_parameters(training.need.trained_parameters), settings.optimizer->name,
                            counted(settings.sequences, "sequence"), grouped(training.tokens),
                            settings.devices > 1 ? " on each device" : "", name_of(settings.checkpointing));
}

std::string sharing_text(const Training& training) {
  const TrainingSettings& settings = training.settings;
  if (settings.devices < 2) return {};
  const std::string each = human_bytes(divided_up(training.need.total(), settings.devices));
  if (settings.sharding == Sharding::None) {
    return fmt::format("{} have all of it, {} on each; --shard zero1, zero2 or zero3 divides it", settings.devices,
                       each);
  }
  return fmt::format("{} over {} devices, {} on each", name_of(settings.sharding), settings.devices, each);
}

std::string budget_text(const Budget& budget) {
  const std::uint64_t mib = budget.memory / kMiB;
  const std::uint64_t stated_mib = budget.stated_limit.value_or(0) / kMiB;
  const std::string memory = size_text(budget.memory);
  switch (budget.rule) {
    case BudgetRule::ShareOfMemory: return fmt::format("0.92 of {} MiB{}", mib, free_aside(budget));
    case BudgetRule::FreeLessMargin:
      return fmt::format("{} MiB free now of {} MiB, less 1 GiB margin", stated_mib, mib);
    case BudgetRule::DriverLessMargin: return fmt::format("driver total {} MiB less 1 GiB margin", stated_mib);
    case BudgetRule::MemoryLessDriver:
      return fmt::format("{} MiB less {} MiB for the driver and 1 GiB margin", mib, budget.held_back / kMiB);
    case BudgetRule::AppleShare: return fmt::format("70 % of {} (Apple, shared with macOS)", memory);
    case BudgetRule::AppleDefault:
      return fmt::format("all that macOS gives by default out of {} (Apple, shared with macOS)", memory);
    case BudgetRule::AppleLimit:
      return fmt::format("all of the {} that macOS gives out of {} (Apple, shared with macOS)",
                         size_text(budget.stated_limit.value_or(budget.limit)), memory);
    case BudgetRule::UnifiedLessMargin: return unified_text(budget);
    case BudgetRule::UnifiedLessSystem: return system_text(budget, " that shares it");
    case BudgetRule::CpuLessSystem: return system_text(budget, "");
    case BudgetRule::CpuFree: return fmt::format("{} free now of {}", size_text(budget.limit), memory);
    case BudgetRule::PhoneShare: return fmt::format("37.5 % of {} (an app's share, unverified)", memory);
    case BudgetRule::AcceleratorShare: return fmt::format("90 % of {} (unverified)", memory);
    case BudgetRule::AsGiven: return "as given; nothing held back";
    case BudgetRule::EngineShare: {
      const std::string share = fmt::format("{:.4g}", static_cast<double>(budget.share) / 10'000);
      const std::string total = size_text(budget.limit);
      return budget.share == 10'000
                 ? fmt::format("all of the {} that the driver gives", total)
                 : fmt::format("the engine's share, {} of the {} that the driver gives", share, total);
    }
  }
  return {};
}

std::string rule_text(const Fit& fit) {
  std::string text;
  for (const Budget& budget : fit.budgets) {
    const std::string rule = budget_text(budget);
    if (text.find(rule) == std::string::npos) text += (text.empty() ? "" : ", ") + rule;
  }
  return text;
}

std::string distance_text(const Fit& fit) {
  const std::uint64_t need = fit.device_bytes();
  if (fit.on_devices == Verdict::Fits) {
    return need == fit.budget_bytes ? "exactly the safe budget" : human_bytes(fit.budget_bytes - need) + " to spare";
  }
  const std::string_view limit = fit.device.limit_is_free ? "what is free now" : rule_of(fit.device).limit_name;
  std::string text = against(need, fit.limit_bytes, limit);
  if (fit.budget_bytes != fit.limit_bytes) text = against(need, fit.budget_bytes, "the safe budget") + ", " + text;
  return fit.no_split ? text + ", but no split into whole layers keeps every device within its own" : text;
}

bool says_distance(const Fit& fit) {
  if (fit.reason.kind == ReasonKind::NotStarted) return false;
  if (fit.verdict == Verdict::Offload) return fit.on_devices != Verdict::Fits;
  return fit.reason.kind < ReasonKind::EngineNotThere && !fit.host && fit.reason.kind != ReasonKind::NotEvenOnHost;
}

std::string host_text(const HostShare& host) {
  const std::string size = size_text(host.budget.memory);
  const std::string text = fmt::format("host memory: {}, {} safe", size, human_bytes(host.budget.safe));
  switch (host.source) {
    case HostSource::Given:
    case HostSource::Catalogue: return text;
    case HostSource::Detected: return text + ", this machine's";
    case HostSource::Assumed: return text + ", assumed: --host SIZE says otherwise";
  }
  return {};
}

std::string_view host_source_name(HostSource source) {
  constexpr std::array<std::string_view, 4> kNames{"given", "detected", "catalogue", "assumed"};
  return kNames[static_cast<std::size_t>(source)];
}

std::string why_text(const Fit& fit) {
  const FitReason& reason = fit.reason;
  const std::string bytes = human_bytes(reason.bytes);
  const std::string_view engine = fit.training ? "training" : fit.engine ? engine_name(*fit.engine) : "the engine";
  const std::string on_host = fit.host ? human_bytes(fit.host->need_bytes) : "";
  const std::string on_device = share_text(fit.device_bytes(), fit.budget_bytes);
  switch (reason.kind) {
    case ReasonKind::None: return {};
    case ReasonKind::AsFarAsKnown: return "as far as the parts are known";
    case ReasonKind::Placement:
      return fmt::format("runs with {}: {} there, and {} of host memory", fmt::join(fit.flags, " "), on_device,
                         on_host);
    case ReasonKind::WeightsOnHost: return fmt::format("runs with {} of the weights in host memory", on_host);
    case ReasonKind::EncodersOnHost:
      return fmt::format("runs with the encoders in host memory: {} there, and {} of host memory", on_device, on_host);
    case ReasonKind::NotOffloaded: return fmt::format("{} keeps all of it on the devices, {} too much", engine, bytes);
    case ReasonKind::MoreOnHost: return fmt::format("at least {} more would have to be in host memory", bytes);
    case ReasonKind::HostTooSmall:
      return fmt::format("{} would have to be in host memory, of which {} are safe", on_host,
                         human_bytes(fit.host->budget.safe));
    case ReasonKind::NotEvenOnHost:
      return "not even the buffers of a run whose layers are all in host memory find a place";
    case ReasonKind::NotEvenWithoutEncoders:
      return fmt::format("not even with the encoders, {}, in host memory", bytes);
    case ReasonKind::WiredLimit:
      return fmt::format("would run after: sudo sysctl iogpu.wired_limit_mb={}, with nothing else running",
                         reason.bytes / kMiB);
    case ReasonKind::TtmPages: return fmt::format("ttm.pages_limit raised to {} would do", reason.bytes / 4096);
    case ReasonKind::SharedMemory: return "layers on the CPU would do, in the part of memory the GPU may not take";
    case ReasonKind::Entitlement: return "the increased-memory-limit entitlement would do";
    case ReasonKind::Paging: return "it would be read from disk again and again, far slower";
    case ReasonKind::NotStarted: return reason.detail;
    case ReasonKind::NothingElse: return "no other memory takes the rest";
    case ReasonKind::BeyondSettings: return "more than any setting gives";
    case ReasonKind::EngineNotThere: return fmt::format("{} does not run on {}", engine, reason.detail);
    case ReasonKind::ModelNotRun: return fmt::format("{} does not run a model of this kind: {}", engine, reason.detail);
    case ReasonKind::SchemeNotRead: return fmt::format("{} does not read weights in {}", engine, reason.detail);
    case ReasonKind::GgufNotRead: return fmt::format("{} does not read GGUF files; llama.cpp does", engine);
    case ReasonKind::NotTrained: return reason.detail;
    case ReasonKind::SettingRefused: return fmt::format("does not start with this setting: {}", reason.detail);
    case ReasonKind::Damaged: {
      const std::string_view repair = repair_text(reason.code);
      return fmt::format("{}{}{}", reason.detail, repair.empty() ? "" : "; ", repair);
    }
  }
  return {};
}

std::string host_flags(const Fit& fit) {
  const bool experts_alone = fit.placement && !fit.placement->gpu_layers && fit.placement->cpu_moe_layers != 0;
  if (experts_alone) return fmt::format("--n-cpu-moe {}", fit.placement->cpu_moe_layers);
  return fmt::format("{}", fmt::join(fit.flags, " "));
}

std::string share_text(std::uint64_t bytes, std::uint64_t of) {
  const std::uint64_t unit = std::max(bytes, of) >= kGiB ? kGiB : kMiB;
  const auto number = [&](std::uint64_t value) { return static_cast<double>(value) / static_cast<double>(unit); };
  return fmt::format("{:.2f} of {:.2f} {}", number(bytes), number(of), unit == kGiB ? "GiB" : "MiB");
}

namespace {

/// "up to 39,424 tokens", and of an engine with a pool "; 9.62 requests of 4,096 tokens at a time".
std::string reach_text(const Fit& fit) {
  if (fit.serving && fit.serving->longest) {
    return fmt::format("up to {} tokens; {:.2f} requests of {} tokens at a time", grouped(*fit.serving->longest),
                       fit.serving->max_concurrency, grouped(fit.serving->length));
  }
  return fit.max_context ? fmt::format("up to {} tokens", grouped(*fit.max_context)) : distance_text(fit);
}

/// Where all that macOS gives is safe, what is left of the memory is for macOS and all else: said where it is little.
std::string left_on_a_mac(const Fit& fit) {
  if (fit.device.kind != DeviceKind::AppleUnified || fit.budget_bytes != fit.limit_bytes) return {};
  const std::uint64_t left = minus(fit.memory_bytes, fit.need.total());
  return left > fit.memory_bytes / 2 ? "" : fmt::format("; {} left for all else that runs", human_bytes(left));
}

}  // namespace

std::string answer_text(const Fit& fit) {
  const auto with_distance = [&](std::string text) {
    return fit.on_devices == Verdict::Fits ? text : text + "; " + distance_text(fit);
  };
  switch (fit.verdict) {
    case Verdict::Fits:
      if (fit.reason.kind != ReasonKind::None) return why_text(fit);
      return reach_text(fit) + (fit.one_would_do ? "; fits on one of them" : "") +
             (fit.device.kind == DeviceKind::Size ? "; nothing held back" : "") + left_on_a_mac(fit);
    case Verdict::Tight:
      if (fit.no_split) return "no split into whole layers keeps each within its safe budget: may run, may fail";
      return against(fit.device_bytes(), fit.budget_bytes, "the safe budget") + ": may run, may fail";
    case Verdict::Offload: {
      const std::string share = fmt::format("and {} of host memory", human_bytes(fit.host->need_bytes));
      if (fit.reason.kind == ReasonKind::EncodersOnHost) return with_distance(share + " for the encoders");
      return with_distance(fit.flags.empty() ? share : share + ": " + host_flags(fit));
    }
    case Verdict::No:
      if (fit.reason.kind != ReasonKind::HostTooSmall) return why_text(fit);
      return fmt::format("and {} on the host", share_text(fit.host->need_bytes, fit.host->budget.safe));
    case Verdict::Broken:
      // An error is shown above the devices.
      return fit.reason.code == FindingCode::ForkType ? fit.reason.detail : std::string(repair_text(fit.reason.code));
  }
  return {};
}

std::string reason_text(const Fit& fit) {
  const std::string why = why_text(fit);
  std::string text = says_distance(fit) ? distance_text(fit) : "";
  if (!why.empty()) text += (text.empty() ? "" : "; ") + why;
  if (fit.reason.kind >= ReasonKind::EngineNotThere) return text;
  text += fmt::format("; {}: {}", fit.on_each ? "safe on each" : "safe", rule_text(fit));
  if (fit.host) text += "; " + host_text(*fit.host);
  if (fit.remark == Remark::PartsMissing) text += "; " + remark_text(fit.remark, {});
  return text;
}

std::string remark_text(Remark remark, std::string_view architecture) {
  switch (remark) {
    case Remark::None: return {};
    case Remark::NoLayers: return "the files do not say how many layers the model has and how wide they are";
    case Remark::WeightsOnly: return "the files do not say what a run needs beside the weights";
    case Remark::AttentionIsFull:
      return fmt::format("attention assumed full: no rule for {} yet",
                         architecture.empty() ? "an architecture the files do not name" : architecture);
    case Remark::LayersShown:
      return fmt::format("layers taken for what keys and tensors tell: no rule for {} yet",
                         architecture.empty() ? "an architecture the files do not name" : architecture);
    case Remark::LayersAlike:
      return "the files do not say which layers have attention: every layer is counted with a cache, none with a state";
    case Remark::LatentExpanded:
      return "this file keeps latent attention expanded: its cache is many times that of a file converted since";
    case Remark::HeadsUnknown: return "the files do not say how many heads the attention has: its cache is not counted";
    case Remark::PartsMissing: return "parts are missing: the whole model needs more than this";
  }
  return {};
}

std::string_view basis_name(Basis basis) {
  constexpr std::array<std::string_view, 3> kNames{"rules", "estimate", "assumed"};
  return kNames[static_cast<std::size_t>(basis)];
}

std::string cache_shape_text(const CacheShape& shape) {
  std::string text = "no layer keeps keys and values";
  if (shape.layers != 0) {
    text = fmt::format("{} to {} KV heads", shape.least_heads, shape.most_heads);
    if (shape.least_heads == shape.most_heads) {
      text = fmt::format("{} KV head{}", shape.most_heads, shape.most_heads == 1 ? "" : "s");
    }
    if (shape.latent) text = "one compressed row";
    text += fmt::format(" in each of {} layer{}", shape.layers, shape.layers == 1 ? "" : "s");
    if (shape.sliding != 0) text += fmt::format(", {} of which slide", shape.sliding);
  }
  return shape.with_draft ? text + ", and the draft's" : text;
}

std::string concurrency_text(const Serving& serving) {
  return fmt::format("{:.2f} of {} tokens at a time", serving.max_concurrency, grouped(serving.length));
}

std::string_view advice_name(AdviceKind kind) {
  constexpr std::array<std::string_view, 10> kNames{"context", "cache",  "micro-batch", "projector", "quantisation",
                                                    "experts", "layers", "device",      "training",  "start"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string advice_text(const Advice& advice) {
  switch (advice.kind) {
    case AdviceKind::Context: return fmt::format("a context of {} tokens", advice.context.value_or(0));
    case AdviceKind::Cache: return fmt::format("a KV cache in {}{}", advice.name, and_context(advice));
    case AdviceKind::MicroBatch:
      return fmt::format("micro-batches of {} tokens, slower at reading prompts", advice.micro_batch);
    case AdviceKind::Projector: return "the projector in host memory, slower at reading images";
    case AdviceKind::Quantization:
      return fmt::format("{} for the weights, {}{}{}", advice.name, human_bytes(advice.weight_bytes),
                         advice.from_original ? ", made from the original" : "", and_context(advice));
    case AdviceKind::Experts:
    case AdviceKind::Layers: return offload_text(advice);
    case AdviceKind::Device:
    case AdviceKind::Training:
    case AdviceKind::Start: return advice.name;
  }
  return {};
}

std::string choices_text(const QuantizedChoices& choices) {
  std::string text;
  for (const SmallerType& size : choices.sizes) {
    text += fmt::format("{}{} {}", text.empty() ? "" : " | ", size.type->name, human_bytes(size.weight_bytes));
  }
  // Devices with the same choice together, in the order they were asked for.
  std::vector<std::pair<std::string, std::string>> on_devices;
  for (const QuantizedChoices::OnDevice& choice : choices.on_devices) {
    const std::string largest =
        choice.largest ? fmt::format("{} ({})", choice.largest->type->name, human_bytes(choice.largest->weight_bytes))
                       : "none";
    const auto same = std::ranges::find(on_devices, largest, &std::pair<std::string, std::string>::first);
    if (same == on_devices.end()) {
      on_devices.emplace_back(largest, device_label(choice.device));
    } else {
      same->second += ", " + device_label(choice.device);
    }
  }
  for (const auto& [largest, devices] : on_devices) {
    text += fmt::format("{}{} on {}", text.empty() ? "the largest that fits: " : "; ", largest, devices);
  }
  return text;
}

}  // namespace weigh::core
