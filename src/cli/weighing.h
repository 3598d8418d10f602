#pragma once

#include <optional>
#include <span>
#include <string>

#include "src/checkpoint/checkpoint.h"
#include "src/cli/companions.h"
#include "src/cli/options.h"
#include "src/cli/run_options.h"
#include "src/quantize/quantize_types.h"
#include "src/report/report.h"

namespace weigh::core {

/// Holds a model against the devices asked for, or against a common_devices of common ones when none was.
ModelReport weigh_model(Model model, std::span<const DeviceSet> groups, const Catalogue& catalogue);

/// How much of a run's fit is worked out.
enum class RunDetail : std::uint8_t {
  Verdict,    ///< and the placement it rests on
  Placement,  ///< the largest context, the command line and the speed as well
  Advice,     ///< and what makes it fit
};

/// Holds a run of a model against the devices asked for, or against a common_devices of common ones when none was.
ModelReport weigh_run_of(Model model, const RunOptions& options, const Companions& companions,
                         std::span<const DeviceSet> groups, const Catalogue& catalogue, RunDetail detail);

/// The model that `prediction` says `source` would be, held against the devices.
ModelReport weigh_prediction(const Model& source, const QuantizedSize& prediction, std::span<const DeviceSet> groups,
                             const Catalogue& catalogue);

/// For a checkpoint that is not quantized: which GGUF type of it is the largest that fits each device, or without
/// devices how large a few types would be. Empty for any other model.
std::string quantized_sizes(const Model& model, const RunOptions& options, const Companions& companions,
                            std::span<const DeviceSet> groups);

/// 1 when something could not be read or a model has an error finding, else 0.
int exit_status(const Report& report);

/// The writer of `format`, which Output has checked.
void write_report(const Report& report, Output& output);

/// The one model that `path` holds, or why there is none. Throws UsageError when there are several.
struct OneCheckpoint {
  std::optional<Checkpoint> checkpoint;
  std::vector<Failure> failures;
};
OneCheckpoint open_one(const std::string& path, const Session& session);

}  // namespace weigh::core
