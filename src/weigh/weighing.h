#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "src/quantize/quantize_types.h"
#include "src/report/report.h"
#include "src/weigh/companion_files.h"
#include "src/weigh/run_options.h"

namespace weigh::core {

/// Holds a model against the devices asked for, or against a common_devices of common ones when none was.
ModelReport weigh_model(Model model, std::span<const DeviceSet> groups, const Catalogue& catalogue);

/// How much of a run's fit is worked out.
enum class RunDetail : std::uint8_t {
  Verdict,    ///< and the placement it rests on
  Placement,  ///< the largest context, the command line and the speed as well
  Advice,     ///< and what makes it fit
};

/// Holds a run of a model against the devices asked for, or against a few common ones when none was.
std::vector<Fit> fits_of(const Model& model, const RunOptions& options, const Companions& companions,
                         std::span<const DeviceSet> groups, const Catalogue& catalogue, RunDetail detail);

/// Likewise, as what a report is written from.
ModelReport weigh_run_of(Model model, const RunOptions& options, const Companions& companions,
                         std::span<const DeviceSet> groups, const Catalogue& catalogue, RunDetail detail);

/// The model that `prediction` says `source` would be, held against the devices.
ModelReport weigh_prediction(const Model& source, const QuantizedSize& prediction, std::span<const DeviceSet> groups,
                             const Catalogue& catalogue);

/// For a checkpoint that is not quantized: which GGUF type of it is the largest that fits each device, or without
/// devices how large a few types would be. Empty for any other model.
std::string quantized_sizes(const Model& model, const RunOptions& options, const Companions& companions,
                            std::span<const DeviceSet> groups);

}  // namespace weigh::core
