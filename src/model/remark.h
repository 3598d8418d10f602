#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/finding.h"

namespace weigh::core {

/// Appends a finding about the model as a whole.
inline void add_finding(std::vector<Finding>& findings, Severity severity, std::string_view code, std::string message) {
  Finding& finding = findings.emplace_back();
  finding.severity = severity;
  finding.code = code;
  finding.message = std::move(message);
}

}  // namespace weigh::core
