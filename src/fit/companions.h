#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "src/fit/candidate.h"

namespace weigh::core {

/// "mmproj", "draft".
std::string_view role_name(CompanionRole role);

/// What a companion takes of a run, on each slot and on the host.
struct CompanionNeed {
  const Companion* companion = nullptr;
  std::vector<MemoryNeed> slots;
  MemoryNeed host;
};

/// By the rules of docs/memory-rules.md 6.3 and 6.4: a projector on the first slot, a draft model over the slots in the model's own
/// `shares`, one number for each slot. `beside_host`: there is a host that takes a part of the run.
std::vector<CompanionNeed> companion_needs(Candidate& candidate, const Run& run, std::span<const std::uint64_t> shares,
                                           bool beside_host);

/// What a part of a split run needs, with the rows of results counted as compute. The overhead is 0.
MemoryNeed need_of(const SplitPart& part);

/// The need without a part for the rows of results: they are counted as `part`.
MemoryNeed with_logits_in(NeedPart part, MemoryNeed need);

}  // namespace weigh::core
