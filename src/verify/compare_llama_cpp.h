#pragma once

#include "src/memory/run.h"
#include "src/model/model.h"
#include "src/verify/verification.h"

namespace weigh::core {

/// What llama.cpp printed of one context beside weigh's figures for `model`, the GGUF that was loaded: memory by memory,
/// the devices first. What the log does not say is as in `otherwise`, and named.
VerifiedRun compare_llama_cpp(const LogModel& log, const LogRun& run, const Model& model, const Run& otherwise);

}  // namespace weigh::core
