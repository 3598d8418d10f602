#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "src/audit/check.h"

namespace weigh::core {

/// The result for one model, for a folder as a whole, or for a path that could not be read.
struct Audit {
  std::string path;
  std::vector<std::string> files;            ///< paths of the model's own files
  std::vector<std::string_view> checks_run;  ///< ids, in the order of the table
  std::vector<Finding> findings;             ///< errors first
  std::vector<Finding> accepted = {};        ///< by the user, and not among the findings
};

struct AuditOptions {
  bool deep = false;  ///< read every byte
  unsigned threads = 1;
  /// Called while files are read, never by two threads at once: the bytes done and to do, of the current model.
  std::function<void(std::uint64_t done, std::uint64_t all)> progress = {};
};

/// Audits what a user names: a file, a set by any of its parts, a folder with all of its models, a snapshot, or by name. For a
/// folder with several models the first result is about the folder itself. Faults of the input are findings, never
/// exceptions. Throws IoError where a library that it needs is not there.
std::vector<Audit> audit_path(const std::string& named, const AuditOptions& options = {});

/// Whether any finding is an error.
bool has_error(const Audit& audit);

/// Whether any finding is as bad as that, or worse.
bool has_finding(const Audit& audit, Severity least);

}  // namespace weigh::core
