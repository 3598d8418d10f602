// Where the parts of a run go, and how that is said to the engine.
#include "src/fit/placement.h"

#include <fmt/format.h>

#include "src/fit/layout.h"
#include "src/fit/offload.h"
#include "src/fit/verdict.h"
#include "src/fit/weigh_run.h"

namespace weigh::core {

namespace {

PlacedPart part_of(const std::string& device, const MemoryNeed& need, std::uint64_t layers, bool output,
                   std::uint64_t budget) {
  return {.device = device, .layers = layers, .output = output, .need = need, .budget_bytes = budget};
}

std::vector<std::string> placement_flags(const Candidate& candidate, const Run& run, const DeviceSet& devices,
                                         const Layout& layout) {
  std::vector<std::string> flags;
  if (layout.start) return layout.start->shard_flags;
  if (candidate.engine() != Engine::LlamaCpp) return flags;
  // More than there are stands for all; then the engine has nothing to choose.
  flags = {"-ngl",
           run.gpu_layers ? std::to_string(*run.gpu_layers) : std::to_string(candidate.parts().blocks.size() + 1)};
  if (run.cpu_moe_layers != 0) {
    flags.insert(flags.end(), {"--n-cpu-moe", std::to_string(run.cpu_moe_layers)});
  }
  if (run.cpu_ffn_layers != 0) {
    flags.insert(flags.end(), {"--n-cpu-ffn", std::to_string(run.cpu_ffn_layers)});
  }
  if (devices.slots.size() > 1) {
    std::string shares;
    for (const std::uint64_t share : layout.shares) shares += fmt::format("{}{}", shares.empty() ? "" : ",", share);
    flags.insert(flags.end(), {"-ts", shares});
  }
  return flags;
}

Placement placement_of(const Candidate& candidate, const Run& run, const DeviceSet& devices, const Layout& layout) {
  Placement placement;
  placement.gpu_layers = run.gpu_layers;
  placement.cpu_moe_layers = run.cpu_moe_layers;
  for (std::size_t i = 0; i < devices.slots.size(); ++i) {
    const Slot& slot = devices.slots[i];
    const std::uint64_t budget = layout.start ? layout.start->cards[i].safe_bytes : slot.budget.safe;
    placement.devices.push_back(part_of(slot.device.id, layout.slots[i], layout.layers[i], layout.output == i, budget));
  }
  const bool split = beside_host(candidate, devices);
  const std::uint64_t host_budget = split ? devices.host->slot.budget.safe : 0;
  placement.host = part_of("host", layout.host, layout.host_layers, split && !layout.output, host_budget);
  return placement;
}

// The run with as little on the host as brings the rest onto the devices, however much the host has.
std::optional<Run> moved(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  DeviceSet any_host = devices;
  any_host.host = given_host(kMaxDeviceBytes);
  return moved_to_host(candidate, run, any_host);
}

bool may_move(const Candidate& candidate, const Run& run, const Fit& fit) {
  return candidate.engine() == Engine::LlamaCpp && candidate.run_model() != nullptr && fit.counted_whole() &&
         !run.places_layers();
}

// Everything that can be cut off and put on the host, in the order of the layers.
std::vector<std::uint64_t> pieces_of(Candidate& candidate) {
  std::vector<std::uint64_t> pieces;
  for (const WeightParts::Block& block : candidate.parts().blocks) pieces.push_back(block.bytes);
  return pieces.empty() ? candidate.layer_pieces() : pieces;
}

}  // namespace

Run add_placement(Candidate& candidate, const Run& run, const DeviceSet& devices, Fit& fit) {
  Run placed = run;
  if (fit.reason.kind == ReasonKind::MoreOnHost && devices.host) {
    const bool stated = run.places_layers();
    if (!traits_of(candidate.engine()).offloads) {
      fit.reason.kind = ReasonKind::NotOffloaded;
    } else if (!may_move(candidate, run, fit)) {
      if (!stated) offload_weights(pieces_of(candidate), devices, fit);
    } else if (const auto other = moved(candidate, run, devices)) {
      placed = *other;
      fit = weigh_run(candidate, placed, devices);
    } else {
      fit.reason = {ReasonKind::NotEvenOnHost};
    }
  }
  if (candidate.run_model() == nullptr || fit.verdict > Verdict::Offload) return placed;
  const Layout layout = lay_out(candidate, placed, devices);
  fit.flags = placement_flags(candidate, placed, devices, layout);
  // Which weights transformers puts where is its own choice.
  if (fit.reason.kind == ReasonKind::WeightsOnHost) return placed;
  const bool has_parts = devices.slots.size() > 1 || (fit.host && beside_host(candidate, devices));
  if (has_parts) fit.placement = placement_of(candidate, placed, devices, layout);
  return placed;
}

}  // namespace weigh::core
