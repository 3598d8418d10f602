#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "src/audit/check.h"

namespace weigh::core {

/// What an audit says of one model, of a folder as such, or of a path that could not be read.
struct Audit {
  std::string path;
  std::vector<std::string> files;            ///< paths of the model's own files
  std::vector<std::string_view> checks_run;  ///< ids, in the order of the table
  std::vector<Finding> findings;             ///< errors first
};

struct AuditOptions {
  bool deep = false;  ///< read every byte
  unsigned threads = 1;
  /// Told while files are read: bytes done and in all, of the model at hand. Called one call at a time.
  std::function<void(std::uint64_t done, std::uint64_t all)> progress = {};
};

/// Audits all that `path` names: a file, any part of a set, a folder with every model in it, a snapshot. Of a folder
/// with several models, what concerns no single one of them is an audit of its own, the first. Never throws for what is
/// wrong with the input: that is a finding.
std::vector<Audit> audit_path(const std::string& path, const AuditOptions& options = {});

/// Whether any finding is an error.
bool has_error(const Audit& audit);

}  // namespace weigh::core
