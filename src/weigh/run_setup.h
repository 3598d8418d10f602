#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/checkpoint/open_checkpoint.h"
#include "src/devices/catalogue.h"
#include "src/fit/device_set.h"
#include "src/report/report.h"
#include "src/weigh/companion_files.h"
#include "src/weigh/run_options.h"
#include "src/weigh/weighing.h"

namespace weigh::core {

/// A run made ready for any number of models: its options are checked, its devices found and its companions read.
struct RunSetup {
  RunOptions options;
  std::vector<DeviceSet> groups;  ///< empty: no devices were asked for
  Companions companions;
  const Catalogue& catalogue;
};

/// `catalogue` lives as long as the setup. Throws UsageError for options and devices that do not exist, Error for a
/// companion that cannot be read.
RunSetup set_up_run(RunOptions options, const std::vector<std::string>& devices, const Catalogue& catalogue);

/// All models of one path, weighed, and what of it could not be read.
Report weigh_path(const std::string& path, const RunSetup& setup, WeighDetail detail);

/// Adds `part` to the end of `report`.
void append(Report&& part, Report& report);

/// What `path` holds, where only one model will do.
struct OneCheckpoint {
  std::optional<Checkpoint> checkpoint;
  std::vector<Failure> failures;
};
/// Throws UsageError, which names them, when there are several.
OneCheckpoint one_of(OpenResult opened);

}  // namespace weigh::core
