#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/report/explanation.h"
#include "src/weigh/run_setup.h"

namespace weigh::core {

/// weights, kv, state, compute, overhead, budget, active.
const std::vector<std::string>& explained_terms();

/// The figure that a report on `model` in this run states, as a sum. `setup` has one set of devices, or none: then it is
/// the first of the common devices that the run fits. Throws UsageError for any other term, and for a term of a run where
/// the model is none that runs by itself.
Explanation explain(std::string_view term, const Model& model, const RunSetup& setup);

}  // namespace weigh::core
