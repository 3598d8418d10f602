#include "formats/finding.h"

#include <algorithm>
#include <array>

namespace weigh::core {

namespace {
constexpr std::size_t kMaxAlike = 8;

constexpr auto kCodeNames = std::to_array<std::string_view>({
#define CODE(name, text) text,
#include "formats/finding_codes.inc"
});
}  // namespace

std::string_view name_of(FindingCode code) { return kCodeNames[static_cast<std::size_t>(code)]; }

void FindingLog::add(Finding finding) {
  auto seen = std::ranges::find(seen_, finding.code, &Seen::code);
  if (seen == seen_.end()) seen = seen_.insert(seen_.end(), {finding.code, finding.severity, 0});
  seen->severity = std::max(seen->severity, finding.severity);
  if (++seen->count <= kMaxAlike) findings_.push_back(std::move(finding));
}

void FindingLog::finish() {
  for (const Seen& seen : seen_) {
    if (seen.count <= kMaxAlike) continue;
    const std::string rest = std::to_string(seen.count - kMaxAlike);
    findings_.emplace_back(seen.code, seen.severity, "and " + rest + " more of these");
  }
  seen_.clear();
}

}  // namespace weigh::core
