#pragma once

#include <optional>
#include <string>

#include "src/memory/run.h"
#include "src/memory/run_model.h"

namespace weigh::core {

/// Why llama.cpp makes no context for such a run, in its own words (llama-context.cpp: llama_init_from_model). Nothing
/// for a run that it starts, and for other engines.
std::optional<std::string> refused_setting(const RunModel& model, const Run& run);

}  // namespace weigh::core
