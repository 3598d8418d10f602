// What is loaded beside a model: its projector, and a small model that drafts for it.
#include "src/fit/companions.h"

#include <algorithm>

#include "formats/checked.h"
#include "src/devices/units.h"

namespace weigh::core {

namespace {

// Working memory for the largest image. Seen: 1136 and 1241 MiB for file and buffer (docs/memory-rules.md 6.3).
constexpr std::uint64_t kProjectorCompute = 512 * kMiB;

MemoryNeed need_of(const RunNeed& whole) {
  MemoryNeed need = whole.need;
  need.overhead = 0;
  return with_logits_in(&MemoryNeed::overhead, need);
}

void add_projector(const Model& projector, bool on_host, CompanionNeed& needs) {
  MemoryNeed& need = on_host ? needs.host : needs.slots.front();
  need.weights = projector.weight_bytes;
  need.compute = kProjectorCompute;
}

// The draft keeps as many cells as the model, in the engine's default type, and all of its layers on the devices.
Run draft_run(const Candidate& candidate, const Run& run) {
  Run draft;
  draft.engine = run.engine;
  draft.context = candidate.context(run);
  draft.sequences = run.sequences;
  draft.unified_cache = run.unified_cache;
  draft.batch = run.batch;
  draft.micro_batch = run.micro_batch;
  draft.flash_attention = run.flash_attention;
  draft.full_window_cache = run.full_window_cache;
  draft.outputs = run.outputs;
  return draft;
}

void add_draft(Candidate& draft, const Run& run, std::span<const std::uint64_t> shares, bool beside_host,
               CompanionNeed& needs) {
  if (beside_host) {
    std::vector<double> proportions(shares.begin(), shares.end());
    if (std::ranges::all_of(shares, [](std::uint64_t share) { return share == 0; })) proportions.back() = 1;
    const SplitNeed split = draft.split(run, proportions);
    for (std::size_t i = 0; i < needs.slots.size(); ++i) {
      const SplitPart& part = split.devices[i];
      if (part.blocks != 0 || part.output) needs.slots[i] = need_of(part);
    }
    needs.host = need_of(split.host);
    return;
  }
  const MemoryNeed whole = need_of(draft.whole(run));
  if (needs.slots.size() == 1 || draft.engine() == Engine::Vllm) {
    for (MemoryNeed& slot : needs.slots) slot = whole;  // vLLM keeps a small draft whole on every device
  } else {
    needs.slots.front() = whole;
  }
}

}  // namespace

std::string_view role_name(CompanionRole role) { return role == CompanionRole::Projector ? "mmproj" : "draft"; }

MemoryNeed with_logits_in(NeedPart part, MemoryNeed need) {
  need.*part = saturating_plus(need.*part, need.logits);
  need.logits = 0;
  return need;
}

MemoryNeed need_of(const SplitPart& part) {
  MemoryNeed need = part.need;
  need.overhead = 0;
  return with_logits_in(&MemoryNeed::compute, need);
}

std::vector<CompanionNeed> companion_needs(Candidate& candidate, const Run& run, std::span<const std::uint64_t> shares,
                                           bool beside_host) {
  std::vector<CompanionNeed> all;
  for (const Companion& companion : candidate.companions()) {
    CompanionNeed& needs = all.emplace_back();
    needs.companion = &companion;
    needs.slots.assign(shares.size(), MemoryNeed::none());
    needs.host = MemoryNeed::none();
    if (companion.role == CompanionRole::Projector) {
      add_projector(*companion.model, beside_host && run.projector_on_host, needs);
    } else {
      add_draft(*candidate.draft(), draft_run(candidate, run), shares, beside_host, needs);
    }
  }
  return all;
}

}  // namespace weigh::core
