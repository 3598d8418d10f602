#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "src/memory/need.h"
#include "src/memory/run.h"
#include "src/memory/split.h"
#include "src/model/model.h"

namespace weigh::core {

/// The engine whose rules these are, to name beside every figure: they move between its versions.
inline constexpr std::string_view kRuleSet = "llama.cpp v0.5.0";

/// The whole run in one memory: a host alone, or memory that host and device share. The weights of a file are counted
/// once, also where both ends of the model use them.
RunNeed measure(const Model& model, const Run& run);
/// Likewise of a model that is read already, whose file is `source`; all of its bytes are weights where the engine is not llama.cpp.
RunNeed measure(const Model& source, const RunModel& model, const Run& run);
/// Likewise by what is found once for many runs: its weight_parts() and graphs.
RunNeed measure(const Model& source, const RunModel& model, const WeightParts& weights, ComputeGraphs& graphs,
                const Run& run);

/// The run on a host and discrete devices, by the devices' proportions (one number for each device). Nothing for a
/// model whose hyperparameters are unknown.
std::optional<SplitNeed> measure_split(const Model& model, const Run& run, std::span<const double> proportions);

}  // namespace weigh::core
