#pragma once

#include <string>
#include <vector>

#include "src/cli/options.h"
#include "src/cli/progress.h"

namespace weigh::core {

/// While it lives, remote models are read as the options say, with progress on a terminal and what servers tell on the
/// error stream. One for a command, made before it opens anything.
class RemoteUse {
 public:
  /// Throws UsageError for a --max-download that is no size.
  RemoteUse(const RemoteFlags& flags, bool quiet, const Session& session);
  ~RemoteUse();
  RemoteUse(const RemoteUse&) = delete;
  RemoteUse& operator=(const RemoteUse&) = delete;

 private:
  ProgressLine line_;
};

/// Throws UsageError for a path whose weights --deep would have to download: it says how many bytes those are.
void check_deep(const std::vector<std::string>& paths);

}  // namespace weigh::core
