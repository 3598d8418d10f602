// What is loaded beside a model: its projector, and a small model that drafts for it.
#include "src/fit/companions.h"

#include <algorithm>
#include <array>

#include "src/devices/units.h"
#include "src/fit/fit.h"
#include "src/model/sum.h"

namespace weigh::core {

namespace {

// Working memory for the largest image. Seen: 1136 and 1241 MiB for file and buffer together (docs/memory-rules.md 6.3).
constexpr std::uint64_t kProjectorCompute = 512 * kMiB;

using Part = std::optional<std::uint64_t>;

Part sum_of(const Part& a, const Part& b) {
  if (!a || !b) return std::nullopt;
  SaturatingSum sum{.value = *a};
  sum.add(*b);
  return sum.value;
}

Need nothing() {
  Need need;
  need.weights = need.kv_cache = need.state = need.compute = need.overhead = 0;
  return need;
}

Need need_of(const Footprint& whole) {
  Need need = nothing();
  need.weights = whole.weights;
  need.kv_cache = whole.kv_cache;
  need.state = whole.state;
  need.compute = whole.compute;
  need.overhead = whole.logits;
  return need;
}

void add_projector(const Model& projector, bool on_host, CompanionNeed& needs) {
  Need& need = on_host ? needs.host : needs.slots.front();
  need.weights = projector.weight_bytes;
  need.compute = kProjectorCompute;
}

// The draft keeps as many cells as the model, in the engine's default type, and all of its layers on the devices.
Run draft_run(const Candidate& candidate, const Run& run) {
  Run draft;
  draft.engine = run.engine;
  draft.context = context_of(candidate, run);
  draft.sequences = run.sequences;
  draft.unified_cache = run.unified_cache;
  draft.batch = run.batch;
  draft.micro_batch = run.micro_batch;
  draft.flash_attention = run.flash_attention;
  draft.full_window_cache = run.full_window_cache;
  draft.outputs = run.outputs;
  return draft;
}

void add_draft(Candidate& draft, const Run& run, std::span<const std::uint64_t> shares, bool beside_a_host,
               CompanionNeed& needs) {
  if (beside_a_host) {
    std::vector<double> proportions(shares.begin(), shares.end());
    if (std::ranges::all_of(shares, [](std::uint64_t share) { return share == 0; })) proportions.back() = 1;
    const Placement placement = draft.placed(run, proportions);
    for (std::size_t i = 0; i < needs.slots.size(); ++i) {
      const Share& share = placement.devices[i];
      if (share.blocks != 0 || share.output) needs.slots[i] = need_of(share);
    }
    needs.host = need_of(placement.host);
    return;
  }
  const Need whole = need_of(draft.whole(run));
  if (needs.slots.size() == 1 || draft.engine() == Engine::Vllm) {
    for (Need& slot : needs.slots) slot = whole;  // vLLM keeps a small draft whole on every device
  } else {
    needs.slots.front() = whole;
  }
}

}  // namespace

std::string_view role_name(CompanionRole role) { return role == CompanionRole::Projector ? "mmproj" : "draft"; }

void add_need(Need& sum, const Need& more) {
  for (const auto part : kNeedParts) {
    sum.*part = sum_of(sum.*part, more.*part);
  }
}

Need need_of(const Share& share) {
  Need need = nothing();
  need.weights = share.weights;
  need.kv_cache = share.kv_cache;
  need.state = share.state;
  need.compute = sum_of(share.compute, share.logits);
  return need;
}

std::vector<CompanionNeed> companion_needs(Candidate& candidate, const Run& run, const DeviceSet& devices,
                                           std::span<const std::uint64_t> shares) {
  std::vector<CompanionNeed> all;
  const bool split = beside_host(candidate, run, devices);
  for (const Companion& companion : candidate.companions()) {
    CompanionNeed& needs = all.emplace_back();
    needs.companion = &companion;
    needs.slots.assign(devices.slots.size(), nothing());
    needs.host = nothing();
    if (companion.role == CompanionRole::Projector) {
      add_projector(*companion.model, split && run.projector_on_host, needs);
    } else {
      add_draft(*candidate.draft(), draft_run(candidate, run), shares, split, needs);
    }
  }
  return all;
}

}  // namespace weigh::core
