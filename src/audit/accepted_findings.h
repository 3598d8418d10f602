#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/audit/audit.h"

namespace weigh::core {

/// Findings that somebody has looked at and accepts: a line each, the id of a check and perhaps a pattern of paths, '*' for
/// any letters and '?' for one; "#" begins a comment.
class AcceptedFindings {
 public:
  AcceptedFindings() = default;
  /// Throws UsageError, which names `origin` and the line, for an id of no check and for more than 10,000 lines.
  AcceptedFindings(std::string_view text, const std::string& origin);

  /// Moves those of the audit's findings that are accepted to `audit.accepted`.
  void set_aside(Audit& audit) const;

 private:
  struct Line {
    FindingCode code;
    std::string pattern;  ///< of the path of the file or of what was audited, or of its end; empty: any
  };
  [[nodiscard]] bool accepts(const Finding& finding, const Audit& audit) const;
  std::vector<Line> lines_;
};

/// Whether all of `text` is as the pattern says.
bool matches(std::string_view pattern, std::string_view text);

}  // namespace weigh::core
