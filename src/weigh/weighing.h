#pragma once

#include <span>
#include <vector>

#include "src/fit/weigh.h"
#include "src/quantize/quantize_types.h"
#include "src/report/report.h"
#include "src/weigh/companion_files.h"
#include "src/weigh/run_options.h"

namespace weigh::core {

/// How a model is to be run, with what is loaded beside it. Throws UsageError for what its engine does not take.
RunRequest request_with(const RunOptions& options, const Companions& companions, const Model& model);

/// Holds a run of a model against the devices asked for, or against a few common ones when none was.
std::vector<Fit> fits_of(const Model& model, const RunOptions& options, const Companions& companions,
                         std::span<const DeviceSet> groups, const Catalogue& catalogue, WeighDetail detail);

/// Likewise, as what a report is written from.
ModelReport weigh_run_of(Model model, const RunOptions& options, const Companions& companions,
                         std::span<const DeviceSet> groups, const Catalogue& catalogue, WeighDetail detail);

/// The model that `prediction` says `source` would be, held against the devices.
ModelReport weigh_prediction(const Model& source, const QuantizedSize& prediction, std::span<const DeviceSet> groups,
                             const Catalogue& catalogue);

}  // namespace weigh::core
