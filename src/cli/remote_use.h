#pragma once

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

}  // namespace weigh::core
