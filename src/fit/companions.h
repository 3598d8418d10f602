#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "src/fit/candidate.h"
#include "src/fit/device_set.h"

namespace weigh::core {

/// "mmproj", "draft".
std::string_view role_name(CompanionRole role);

/// By the rules of docs/memory-rules.md 6.3 and 6.4: a projector on the first slot, a draft model over the slots in the
/// model's own `shares` (one number for each slot).
std::vector<CompanionNeed> companion_needs(Candidate& candidate, const Run& run, const DeviceSet& devices,
                                           std::span<const std::uint64_t> shares);

/// What one memory holds of a placed run; the rows of results count as compute. The overhead is 0.
Need need_of(const Share& share);

/// Part by part; a part that either cannot tell their sum cannot.
void add_need(Need& sum, const Need& more);

}  // namespace weigh::core
