#pragma once

#include "src/fit/fit.h"
#include "src/verify/verification.h"

namespace weigh::core {

/// What an engine that pools its cache printed of one start, beside weigh's figures for the same; null where weigh has
/// none. The run's name and settings are the caller's.
VerifiedRun compare_serving(const LogRun& run, const Serving* serving);

}  // namespace weigh::core
