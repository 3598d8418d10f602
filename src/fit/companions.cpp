// What is loaded beside a model: its projector, and a small model that drafts for it.
#include "src/fit/companions.h"

#include <algorithm>
#include <array>

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

}  // namespace

Run draft_run(const Candidate& candidate, const Run& run) {
  Run draft;
  draft.key_type = run.draft_key_type;
  draft.value_type = run.draft_value_type;
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

namespace {

// Blocks that predict lie behind the others, so that they go where the model's last block is, and their cache with them.
void add_prediction(Candidate& draft, const Run& run, std::span<const std::uint64_t> shares, bool beside_host,
                    bool last_block_on_device, CompanionNeed& needs) {
  const auto last =
      std::ranges::find_if(shares.rbegin(), shares.rend(), [](std::uint64_t share) { return share != 0; });
  const bool on_device = last_block_on_device && last != shares.rend();
  const std::size_t slot = on_device ? static_cast<std::size_t>(shares.rend() - last) - 1 : shares.size() - 1;
  if (!beside_host) {
    needs.slots[slot] = need_of(draft.whole(run));
    return;
  }
  Run placed = run;
  if (!on_device) placed.gpu_layers = 0;
  const SplitNeed& split = draft.split(placed);
  if (on_device) needs.slots[slot] = need_of(split.devices.front());
  needs.host = need_of(split.host);
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
  if (needs.slots.size() == 1 || traits_of(draft.engine()).pools) {
    for (MemoryNeed& slot : needs.slots) slot = whole;  // such engines keep a small draft whole on every device
  } else {
    needs.slots.front() = whole;
  }
}

}  // namespace

std::string_view role_name(CompanionRole role) {
  constexpr std::array<std::string_view, 3> kNames{"mmproj", "draft", "mtp"};
  return kNames[static_cast<std::size_t>(role)];
}

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
    if (companion.role != CompanionRole::Projector && candidate.draft() == nullptr) continue;
    CompanionNeed& needs = all.emplace_back();
    needs.companion = &companion;
    needs.slots.assign(shares.size(), MemoryNeed::none());
    needs.host = MemoryNeed::none();
    if (companion.role == CompanionRole::Projector) {
      add_projector(*companion.model, beside_host && run.projector_on_host, needs);
    } else if (companion.role == CompanionRole::Draft) {
      add_draft(*candidate.draft(), draft_run(candidate, run), shares, beside_host, needs);
    } else {
      // The first layer that -ngl counts is the output layer.
      add_prediction(*candidate.draft(), draft_run(candidate, run), shares, beside_host, run.gpu_layers.value_or(2) > 1,
                     needs);
    }
  }
  return all;
}

}  // namespace weigh::core
