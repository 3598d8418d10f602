#pragma once

#include <optional>
#include <span>
#include <string>

#include "src/checkpoint/checkpoint.h"
#include "src/cli/options.h"
#include "src/report/report.h"

namespace weigh {

/// Holds a model against the devices asked for, or against a ladder of common ones when none was.
ModelReport weigh_model(Model model, std::span<const Device> devices, const Catalogue& catalogue);

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

}  // namespace weigh
