#include "src/checkpoint/checkpoint.h"

#include <algorithm>

namespace weigh::core {

bool is_gguf(const Checkpoint& checkpoint) {
  return !checkpoint.files.empty() && checkpoint.files.front().format == Format::Gguf;
}

bool parts_missing(const Checkpoint& checkpoint) {
  return std::ranges::any_of(checkpoint.findings, [](const Finding& finding) {
    return finding.code == FindingCode::MissingShard || finding.code == FindingCode::UnreadableShard;
  });
}

}  // namespace weigh::core
