#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/cli/option_set.h"
#include "src/devices/device.h"
#include "src/fit/fit.h"
#include "src/report/report.h"

namespace weigh::core {

/// The flags that say how a model is run and what its fit must be.
struct RunOptions {
  std::string engine;
  std::string context;  ///< a number or "max"
  std::string kv_type = "f16";
  std::string flash_attention = "on";
  std::string as;
  std::string mmproj;  ///< path of a projector; empty: none
  std::string draft;   ///< path of a draft model; empty: none
  std::uint64_t parallel = 1;
  std::uint64_t micro_batch = 512;
  std::optional<std::uint64_t> gpu_layers;
  std::uint64_t cpu_moe_layers = 0;
  bool unified_cache = false;
  bool full_window_cache = false;
  bool projector_on_host = false;
  bool together = false;
};

/// All but --gpu-layers, --n-cpu-moe, --as and --together, which only `weigh fit` has.
void add_run_options(OptionSet& command, RunOptions& options);
void add_placement_options(OptionSet& command, RunOptions& options);

/// `--require fits|tight`.
void add_require_option(OptionSet& command, std::string& require);

/// Throws UsageError for values that no engine takes, before any file is read.
void check_run_options(const RunOptions& options);

/// How `subject` is run; the context as asked for, of "max" the model's own.
Run run_of(const RunOptions& options, const Candidate& subject);

/// The engine asked for, or the one that such files are made for. Throws UsageError where it does not read them.
Engine engine_of(const RunOptions& options, const Model& model);

/// The devices of `--on`, each by itself, or all of them together. `local` is all that this machine has. Throws
/// UsageError.
std::vector<DeviceSet> resolve_groups(const Catalogue& catalogue, const std::vector<std::string>& requests,
                                      bool together = false);

/// Throws UsageError for an unknown verdict and without devices. Nothing when no verdict is required.
std::optional<Verdict> required_verdict(const std::string& require, const std::vector<DeviceSet>& groups);

/// 3 when a fit is worse than required, else `status`, which is kept when it is not 0.
int with_requirement(int status, const Report& report, std::optional<Verdict> required);

}  // namespace weigh::core
