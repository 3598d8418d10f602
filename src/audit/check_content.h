#pragma once

#include <vector>

#include "src/audit/audit.h"
#include "src/audit/check.h"

namespace weigh::core {

/// Reads every byte of the model's files, and of the files beside it whose digest somebody states: the checks of group
/// Deep. A file that cannot be read is a finding.
std::vector<Finding> look_deep(const AuditInput& input, const AuditOptions& options);

}  // namespace weigh::core
