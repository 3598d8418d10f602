// Where the parts of a run go, and how that is said to the engine.
#include "src/fit/placement.h"

#include <fmt/format.h>

#include "src/fit/layout.h"
#include "src/fit/offload.h"

namespace weigh::core {

namespace {

PlacedPart part_of(const std::string& device, const MemoryNeed& need, std::uint64_t layers, bool output, Bytes budget) {
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
  flags = {"-ngl",
           run.gpu_layers ? std::to_string(*run.gpu_layers) : std::to_string(candidate.parts().blocks.size() + 1)};
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

Placement placement_of(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  const Layout layout = lay_out(candidate, run, devices);
  Placement placement;
  placement.gpu_layers = run.gpu_layers;
  placement.cpu_moe_layers = run.cpu_moe_layers;
  placement.fits = true;
  for (std::size_t i = 0; i < devices.slots.size(); ++i) {
    const Slot& slot = devices.slots[i];
    const std::uint64_t budget = slot.budget(candidate.engine()).safe;
    placement.devices.push_back(part_of(slot.device.id, layout.slots[i], layout.layers[i], layout.output == i, budget));
    placement.fits = placement.fits && layout.slots[i].total() <= budget;
  }
  Bytes host_budget;
  if (devices.host) host_budget = devices.host->budget().safe;
  const bool output_on_host = !layout.output && beside_host(candidate, run, devices);
  placement.host = part_of("host", layout.host, layout.host_layers, output_on_host, host_budget);
  placement.fits = placement.fits && (!host_budget || layout.host.total() <= *host_budget);
  placement.flags = placement_flags(candidate, run, devices, layout);
  return placement;
}

// The run as it would have to be moved. A host of any size would do: the placement says how much it lacks.
std::optional<Run> moved(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  auto moved = moved_to_host(candidate, run, devices);
  if (moved || !devices.host) return moved;
  DeviceSet any = devices;
  any.host = std::nullopt;
  return moved_to_host(candidate, run, any);
}

}  // namespace

void add_placement(Candidate& candidate, const Run& run, const DeviceSet& devices, Fit& fit) {
  if (candidate.run_model() == nullptr) return;
  std::optional<Run> other;
  // Of a run whose cache is not known nobody can say where it would fit.
  const bool can_move = candidate.engine() == Engine::LlamaCpp && fit.counted_whole() && devices.have_host_memory();
  if (fit.verdict >= Verdict::Over && can_move && !run.gpu_layers && run.cpu_moe_layers == 0) {
    other = moved(candidate, run, devices);
    fit.verdict = other ? Verdict::Over : Verdict::No;
    if (!other) fit.help = {HelpKind::NotEvenOnHost, 0};
  }
  const Run& placed = other ? *other : run;
  const bool has_placement = devices.slots.size() > 1 || beside_host(candidate, placed, devices);
  if (has_placement && fit.verdict != Verdict::No) fit.placement = placement_of(candidate, placed, devices);
  if (placed == run) return;
  fit.help = {HelpKind::Placement, 0};
  if (!fit.placement->fits) fit.verdict = Verdict::No;
}

}  // namespace weigh::core
