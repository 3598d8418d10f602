#pragma once

#include <string>
#include <vector>

#include "src/report/report.h"
#include "src/weigh/run_setup.h"

namespace weigh::core {

/// What of the models of one path is loaded together, with one need for all of it: the components of a diffusers
/// pipeline, a language model and the projector in its folder.
std::vector<PipelineReport> pipelines_of(const std::string& path, const std::vector<ModelReport>& models,
                                         std::vector<std::string> missing_components, const RunSetup& setup);

}  // namespace weigh::core
