#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "src/fit/candidate.h"

namespace weigh::core {

/// "mmproj", "draft", "mtp".
std::string_view role_name(CompanionRole role);

/// What a companion takes of a run, on each slot and on the host.
struct CompanionNeed {
  const Companion* companion = nullptr;
  std::vector<MemoryNeed> slots;
  MemoryNeed host;
};

/// The run of what drafts for the model: as many cells, in types of its own, and all of its layers on the devices.
Run draft_run(const Candidate& candidate, const Run& run);

/// By the rules of docs/memory-rules.md 6.3 to 6.5: a projector on the first slot, a draft model over the slots in the
/// model's own `shares`, one number for each slot; blocks that predict on the last slot with a share. `beside_host`:
/// there is a host that takes a part of the run.
std::vector<CompanionNeed> companion_needs(Candidate& candidate, const Run& run, std::span<const std::uint64_t> shares,
                                           bool beside_host);

/// What a part of a split run needs, with the rows of results counted as compute. The overhead is 0.
MemoryNeed need_of(const SplitPart& part);

/// The need without a part for the rows of results: they are counted as `part`.
MemoryNeed with_logits_in(NeedPart part, MemoryNeed need);

}  // namespace weigh::core
