#pragma once

#include <string>

#include "src/cli/options.h"
#include "src/report/report.h"
#include "src/weigh/run_setup.h"

namespace weigh::core {

/// 1 when something could not be read or a model has an error finding, else 0.
int exit_status(const Report& report);

/// Tells what could not be read, and adds it and the models to `report`.
void add_told(Report&& part, Report& report, const Session& session);

/// The writer of `format`, which Output has checked.
void write_report(const Report& report, Output& output);

/// Opens a path where only one model will do, and tells what cannot be read. Throws UsageError when there are several.
OneCheckpoint open_one(const std::string& path, const Session& session);

}  // namespace weigh::core
