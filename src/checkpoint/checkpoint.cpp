#include "src/checkpoint/checkpoint.h"

#include <algorithm>

namespace weigh::core {

bool parts_missing(const Checkpoint& checkpoint) {
  return std::ranges::any_of(checkpoint.findings, [](const Finding& finding) {
    return finding.code == FindingCode::MissingShard || finding.code == FindingCode::UnreadableShard;
  });
}

}  // namespace weigh::core
