// A run on devices: what each needs against its budget, and what helps when it is too much.
#include "src/fit/fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "src/devices/units.h"
#include "src/fit/companions.h"
#include "src/model/sum.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kCellMultiple = 256;

std::string_view basis_name(Basis basis) {
  constexpr std::array<std::string_view, 3> kNames{"rules", "estimate", "assumed"};
  return kNames[static_cast<std::size_t>(basis)];
}

// A layer goes to one device as a whole; a tensor outside of the layers stands for itself.
std::vector<std::uint64_t> pieces_of(const Model& model) {
  std::map<std::int32_t, std::uint64_t> layers;
  std::vector<std::uint64_t> pieces;
  std::size_t index = 0;
  for (const ModelFile& file : model.checkpoint.files) {
    for (const Tensor& tensor : file.tensors) {
      const std::int32_t layer = index < model.tensors.size() ? model.tensors[index].layer : -1;
      ++index;
      if (layer < 0) {
        pieces.push_back(tensor.bytes);
      } else {
        layers[layer] += tensor.bytes;
      }
    }
  }
  std::vector<std::uint64_t> all;
  for (const auto& [layer, bytes] : layers) all.push_back(bytes);
  all.insert(all.end(), pieces.begin(), pieces.end());
  return all;
}

// "32 KV heads in each of 32 layers, 16 of which slide": why one cache is larger than another.
std::string cache_shape(const RunModel& model) {
  std::uint64_t layers = 0;
  std::uint64_t sliding = 0;
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  bool latent = false;
  for (const LayerModel& layer : model.layers) {
    if (!layer.cached) continue;
    ++layers;
    sliding += layer.sliding ? 1 : 0;
    latent = latent || (layer.mixer == Mixer::Latent && (layer.parts & kAbsorbed) != 0);
    least = layers == 1 ? layer.kv_heads : std::min(least, layer.kv_heads);
    most = std::max(most, layer.kv_heads);
  }
  if (layers == 0) return "no layer keeps keys and values";
  std::string text = latent          ? "one compressed row"
                     : least == most ? fmt::format("{} KV head{}", most, most == 1 ? "" : "s")
                                     : fmt::format("{} to {} KV heads", least, most);
  text += fmt::format(" in each of {} layer{}", layers, layers == 1 ? "" : "s");
  if (sliding != 0) text += fmt::format(", {} of which slide", sliding);
  return text;
}

// A model of which nothing is known but its tensors.
Fit weigh_weights(Candidate& candidate, const Run& run, const DeviceSet& devices, std::string_view engine) {
  Need need;
  need.weights = candidate.whole(run).weights;
  SaturatingSum weights{.value = need.weights.value_or(0)};
  for (const Companion& companion : candidate.companions()) weights.add(companion.model->weight_bytes);
  need.weights = weights.value;
  need.overhead = engine_overhead(devices.slots.front());
  const bool alike = std::ranges::all_of(devices.slots, [&](const Device& d) { return d.id == devices.slots[0].id; });
  if (alike) {
    Device device = devices.label;
    device.count = static_cast<std::uint32_t>(devices.slots.size());
    if (device.count > 1) need.pieces = pieces_of(candidate.source());
    return judge(need, device, engine);
  }
  SaturatingSum budgets;
  for (const Device& slot : devices.slots) budgets.add(budget_of(slot, engine).safe);
  std::vector<Need> needs;
  for (const Device& slot : devices.slots) {
    Need one;
    const std::uint64_t budget = budget_of(slot, engine).safe;
    one.weights = scaled(*need.weights, budget, std::max<std::uint64_t>(budgets.value, 1));
    one.overhead = engine_overhead(slot);
    needs.push_back(std::move(one));
  }
  return judge_each(devices.label, devices.slots, needs, engine);
}

Verdict verdict_of_host(const Need& host, const Device& device) {
  const Budget budget = budget_of(device);
  if (host.total() <= budget.safe) return Verdict::Fits;
  return host.total() <= budget.limit ? Verdict::Tight : Verdict::No;
}

bool counted_whole(const Fit& fit) { return fit.need.kv_cache.has_value() && fit.need.compute.has_value(); }

bool fits(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  const Fit fit = weigh_run(candidate, run, devices);
  return fit.verdict == Verdict::Fits && counted_whole(fit);
}

CompanionShare share_of(const CompanionNeed& needs) {
  const Companion& companion = *needs.companion;
  CompanionShare share{.role = role_name(companion.role),
                       .name = companion.model->checkpoint.name,
                       .path = companion.model->checkpoint.path,
                       .need = needs.slots.front(),
                       .host_bytes = needs.host.total()};
  for (std::size_t i = 1; i < needs.slots.size(); ++i) add_need(share.need, needs.slots[i]);
  return share;
}

// A projector's working memory is never the engine's own figure.
Basis basis_of(Candidate& candidate, const Run& run) {
  Basis basis = candidate.whole(run).basis;
  for (const Companion& companion : candidate.companions()) {
    const bool draft = companion.role == CompanionRole::Draft;
    basis = std::max(basis, draft ? candidate.draft()->whole(run).basis : Basis::Estimate);
  }
  return basis;
}

std::uint64_t block_count(const Candidate& candidate) { return candidate.parts().blocks.size(); }

// The smallest value in (no, yes] that is good, when `yes` is and larger ones are better.
template <typename Good>
std::uint64_t smallest(std::uint64_t no, std::uint64_t yes, const Good& good) {
  while (yes - no > 1) {
    const std::uint64_t middle = no + (yes - no) / 2;
    (good(middle) ? yes : no) = middle;
  }
  return yes;
}

std::optional<Run> with_experts_on_host(Candidate& candidate, Run run, const DeviceSet& devices) {
  if (!candidate.has_experts() || run.cpu_moe_layers != 0) return std::nullopt;
  const auto good = [&](std::uint64_t layers) {
    run.cpu_moe_layers = layers;
    return fits(candidate, run, devices);
  };
  if (!good(block_count(candidate))) return std::nullopt;
  const std::uint64_t least = smallest(0, block_count(candidate), good);
  return good(least) ? std::optional(run) : std::nullopt;
}

}  // namespace

std::uint64_t context_of(const Candidate& candidate, const Run& run) {
  constexpr std::uint64_t kDefault = 4096;
  if (run.context) return *run.context;
  const RunModel* model = candidate.run_model();
  return std::min(kDefault, model != nullptr ? model->trained_context.value_or(kDefault) : kDefault);
}

Fit weigh_run(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  const std::string_view engine = engine_name(candidate.engine());
  const Footprint& whole = candidate.whole(run);
  const bool split = beside_host(candidate, run, devices);
  Fit fit;
  Layout layout;
  if (candidate.run_model() == nullptr) {
    fit = weigh_weights(candidate, run, devices, engine);
  } else {
    layout = lay_out(candidate, run, devices);
    const bool one = devices.slots.size() == 1 && !split;
    fit = one ? judge(layout.slots.front(), devices.slots.front(), engine)
              : judge_each(devices.label, devices.slots, layout.slots, engine);
    fit.context = whole.context;
    fit.kv_type = cache_type_text(run);
    fit.cache_shape = cache_shape(*candidate.run_model());
    if (candidate.draft() != nullptr) fit.cache_shape += ", and the draft's";
    for (const CompanionNeed& needs : layout.companions) fit.companions.push_back(share_of(needs));
  }
  fit.device = devices.label;
  fit.basis = basis_name(basis_of(candidate, run));
  fit.remark = whole.remark;
  fit.beside_host = split;
  const bool stated = run.gpu_layers || run.cpu_moe_layers != 0;
  if (split && devices.host && stated) {
    const Verdict host = verdict_of_host(layout.host, *devices.host);
    if (host > fit.verdict) {
      fit.verdict = host;
      fit.help = fmt::format("the {} in host memory are more than is safe of {}", human_bytes(layout.host.total()),
                             devices.host->id);
      set_reason(fit);
    }
  }
  if (!counted_whole(fit) && fit.verdict == Verdict::Fits && candidate.run_model() != nullptr) {
    fit.help = "as far as the parts are known";
    set_reason(fit);
  }
  return fit;
}

std::optional<Run> layers_to_host(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  if (!beside_host(candidate, run, devices) && devices.slots.front().kind != DeviceKind::Size) return std::nullopt;
  if (run.gpu_layers || !std::ranges::all_of(devices.slots, has_host_memory)) return std::nullopt;
  Run moved = run;
  const std::uint64_t all = block_count(candidate) + 1;
  const auto good = [&](std::uint64_t on_host) {
    moved.gpu_layers = all - on_host;
    return fits(candidate, moved, devices);
  };
  if (candidate.run_model() == nullptr || !good(all)) return std::nullopt;
  // The layers in between are all alike but for the buffers, which grow once at the first of them.
  const std::uint64_t least = good(0) ? 0 : smallest(0, all, good);
  return good(least) ? std::optional(moved) : std::nullopt;
}

std::optional<Run> moved_to_host(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  if (candidate.run_model() == nullptr || candidate.engine() != Engine::LlamaCpp) return std::nullopt;
  if (!std::ranges::all_of(devices.slots, has_host_memory)) return std::nullopt;
  if (auto experts = with_experts_on_host(candidate, run, devices)) return experts;
  Run moved = run;
  if (candidate.has_experts() && run.cpu_moe_layers == 0) {
    moved.cpu_moe_layers = block_count(candidate);
    if (auto layers = layers_to_host(candidate, moved, devices)) return layers;
  }
  return layers_to_host(candidate, run, devices);
}

std::optional<LargestContext> largest_context(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  constexpr std::uint64_t kUnknownModels = std::uint64_t{1} << 20;
  const RunModel* model = candidate.run_model();
  if (model == nullptr) return std::nullopt;
  const std::uint64_t own = model->trained_context.value_or(kUnknownModels);
  const std::uint64_t most = std::max({own, run.context.value_or(0), std::uint64_t{1}});
  Run tried = run;
  const auto good = [&](std::uint64_t tokens) {
    tried.context = tokens;
    return fits(candidate, tried, devices);
  };
  // Contexts are rounded up to a multiple per sequence: the model's own is tried first, then multiples below it.
  if (good(most)) return LargestContext{most, model->trained_context == most};
  const std::uint64_t step = kCellMultiple * (run.unified_cache ? 1 : std::max<std::uint64_t>(run.sequences, 1));
  if (step >= most || !good(step)) return std::nullopt;
  std::uint64_t yes = 1;
  std::uint64_t no = (most + step - 1) / step;
  while (no - yes > 1) {
    const std::uint64_t middle = yes + (no - yes) / 2;
    (good(middle * step) ? yes : no) = middle;
  }
  return LargestContext{yes * step, false};
}

namespace {

PlacedPart part_of(const std::string& device, const Need& need, std::uint64_t layers, bool output,
                   std::optional<std::uint64_t> budget) {
  return {.device = device, .layers = layers, .output = output, .need = need, .budget_bytes = budget};
}

std::vector<std::string> placement_flags(const Candidate& candidate, const Run& run, const DeviceSet& devices,
                                         const Layout& layout) {
  std::vector<std::string> flags;
  if (candidate.engine() == Engine::Vllm && devices.slots.size() > 1) {
    return {"--tensor-parallel-size", std::to_string(devices.slots.size())};
  }
  if (candidate.engine() != Engine::LlamaCpp) return flags;
  // More than there are stands for all; then the engine has nothing to choose.
  flags = {"-ngl", run.gpu_layers ? std::to_string(*run.gpu_layers) : std::to_string(block_count(candidate) + 1)};
  if (run.cpu_moe_layers != 0) {
    flags.insert(flags.end(), {"--n-cpu-moe", std::to_string(run.cpu_moe_layers)});
  }
  if (devices.slots.size() > 1) {
    std::string shares;
    for (const std::uint64_t share : layout.shares) shares += fmt::format("{}{}", shares.empty() ? "" : ",", share);
    flags.insert(flags.end(), {"-ts", shares});
  }
  return flags;
}

PlacementPlan plan_of(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  const Layout layout = lay_out(candidate, run, devices);
  const std::string_view engine = engine_name(candidate.engine());
  PlacementPlan plan;
  plan.gpu_layers = run.gpu_layers;
  plan.cpu_moe_layers = run.cpu_moe_layers;
  plan.fits = true;
  for (std::size_t i = 0; i < devices.slots.size(); ++i) {
    const std::uint64_t budget = budget_of(devices.slots[i], engine).safe;
    plan.devices.push_back(part_of(devices.slots[i].id, layout.slots[i], layout.layers[i], layout.output == i, budget));
    plan.fits = plan.fits && layout.slots[i].total() <= budget;
  }
  std::optional<std::uint64_t> host_budget;
  if (devices.host) host_budget = budget_of(*devices.host).safe;
  const bool output_on_host = !layout.output && beside_host(candidate, run, devices);
  plan.host = part_of("host", layout.host, layout.host_layers, output_on_host, host_budget);
  plan.fits = plan.fits && (!host_budget || layout.host.total() <= *host_budget);
  plan.flags = placement_flags(candidate, run, devices, layout);
  return plan;
}

// "with -ngl 21 it runs, 5.20 GiB of it in host memory"
std::string help_by(const PlacementPlan& plan, const DeviceSet& devices) {
  std::string flags;
  for (const std::string& flag : plan.flags) flags += (flags.empty() ? "" : " ") + flag;
  const std::string bytes = human_bytes(plan.host.need.total());
  if (!devices.host) return fmt::format("runs with {}, if the host has {} for its part", flags, bytes);
  if (plan.fits) return fmt::format("runs with {}, {} of it in host memory", flags, bytes);
  return fmt::format("with {} the host would need {}, more than is safe of {}", flags, bytes, devices.host->id);
}

}  // namespace

void add_placement(Candidate& candidate, const Run& run, const DeviceSet& devices, Fit& fit) {
  if (candidate.run_model() == nullptr) return;
  Run placed = run;
  const bool llama_cpp = candidate.engine() == Engine::LlamaCpp;
  // Of a run whose cache is not known nobody can say where it would fit.
  const bool can_move = llama_cpp && counted_whole(fit) && std::ranges::all_of(devices.slots, has_host_memory);
  if (fit.verdict >= Verdict::Over && can_move && !run.gpu_layers && run.cpu_moe_layers == 0) {
    auto moved = moved_to_host(candidate, run, devices);
    if (!moved && devices.host) {  // a host of any size would do: the plan says how much it lacks
      DeviceSet any = devices;
      any.host = std::nullopt;
      moved = moved_to_host(candidate, run, any);
    }
    if (moved) {
      placed = *moved;
      fit.verdict = Verdict::Over;
    } else {
      fit.verdict = Verdict::No;
      fit.help = "not even the buffers of a run whose layers are all in host memory find a place";
    }
  }
  const bool has_placement = devices.slots.size() > 1 || beside_host(candidate, placed, devices);
  if (has_placement && fit.verdict != Verdict::No) fit.placement = plan_of(candidate, placed, devices);
  const bool was_moved = placed.gpu_layers != run.gpu_layers || placed.cpu_moe_layers != run.cpu_moe_layers;
  if (was_moved) {
    fit.help = help_by(*fit.placement, devices);
    if (!fit.placement->fits) fit.verdict = Verdict::No;
  }
  set_reason(fit);
}

}  // namespace weigh::core
