#pragma once

#include <ostream>
#include <string_view>
#include <vector>

#include "src/audit/audit.h"
#include "src/report/style.h"

namespace weigh::core {

/// text, json or sarif.
void write_audits(const std::vector<Audit>& audits, std::string_view format, const Style& style, std::ostream& out);

/// SARIF 2.1.0: one run whose rules are all the checks, with their sections of docs/checks.md as help.
void write_sarif(const std::vector<Audit>& audits, std::ostream& out);

}  // namespace weigh::core
