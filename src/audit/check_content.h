#pragma once

#include <vector>

#include "src/audit/audit.h"
#include "src/audit/check.h"

namespace weigh::core {

/// The checks of group Deep: reads every byte of the model's files, and of the folder's other files that have a digest
/// to compare with. A file that cannot be read is a finding.
std::vector<Finding> check_content(const AuditInput& input, const AuditOptions& options);

}  // namespace weigh::core
