#pragma once

#include <ostream>
#include <string_view>
#include <vector>

#include "src/audit/audit.h"
#include "src/report/style.h"

namespace weigh::core {

/// All audits of one call.
struct AuditListing {
  std::vector<Audit> audits;
  bool deep = false;  ///< every byte was read
};

/// text, json or sarif.
void write_audits(const AuditListing& listing, std::string_view format, const Style& style, std::ostream& out);

/// SARIF 2.1.0: one run whose rules are all the checks, with their sections of docs/checks.md as help.
/// Accepted findings are suppressed results.
void write_sarif(const std::vector<Audit>& audits, std::ostream& out);

}  // namespace weigh::core
