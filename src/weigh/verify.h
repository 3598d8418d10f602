#pragma once

#include <string>
#include <vector>

#include "src/verify/verification.h"
#include "src/weigh/run_options.h"

namespace weigh::core {

/// How a log is held against weigh.
struct VerifyRequest {
  std::string log;     ///< its path, to name it
  std::string model;   ///< a model, or a folder that has those of the log by their names; empty: where the log says
  RunOptions options;  ///< for what the log does not say
  std::vector<std::string> devices;  ///< of --on: the card of an engine that pools its cache
};

/// Each run of a log beside weigh's own figures. What has no model, or another one, is among the errors. Throws Error for
/// a log without a line that is known, UsageError for options and devices that do not exist.
Verification verify_log(const EngineLog& log, const VerifyRequest& request, const Catalogue& catalogue);

}  // namespace weigh::core
