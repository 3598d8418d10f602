#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/cli/option_set.h"
#include "src/fit/device_set.h"
#include "src/report/report.h"
#include "src/weigh/run_options.h"

namespace weigh::core {

void add_host_option(OptionSet& command, std::string& host);

/// All but where the layers go.
void add_run_options(OptionSet& command, RunOptions& options);
/// --gpu-layers, --n-cpu-moe and --n-cpu-ffn.
void add_layer_options(OptionSet& command, RunOptions& options);
/// Likewise, and --as and --together, which only `weigh fit` has.
void add_placement_options(OptionSet& command, RunOptions& options);

/// --train and what goes with it.
void add_training_options(OptionSet& command, TrainingOptions& training);

/// `--require fits|tight`.
void add_require_option(OptionSet& command, std::string& require);

/// Throws UsageError for an unknown verdict and without devices. Nothing when no verdict is required.
std::optional<Verdict> required_verdict(const std::string& require, const std::vector<DeviceSet>& groups);

/// 3 when a fit is worse than required, else `status`, which is kept when it is not 0.
int with_requirement(int status, const Report& report, std::optional<Verdict> required);

}  // namespace weigh::core
