#pragma once

#include <string>

#include "src/report/scan_lines.h"
#include "src/scan/scan.h"
#include "src/weigh/run_setup.h"

namespace weigh::core {

/// How a scan weighs each model: its row and line, with a verdict on each device. Flags of a run that a file's engine
/// does not have are left out for it. `setup` lives as long as the function.
Weigher scan_weigher(const RunSetup& setup, LineUse line);

/// Everything that changes a verdict, in words, for the inventory to compare; empty without devices.
std::string verdicts_key(const RunSetup& setup);

/// One for each processor that the program may use.
unsigned threads_or_all(unsigned threads);

}  // namespace weigh::core
