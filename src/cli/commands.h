#pragma once

#include "src/cli/options.h"

namespace weigh::core {

// One function per command: adds it to the program's command line and returns what runs it. The table is in run.cpp.

Command setup_inspect(CLI::App& parent, const char* name);
Command setup_fit(CLI::App& parent, const char* name);
Command setup_estimate(CLI::App& parent, const char* name);
Command setup_tensors(CLI::App& parent, const char* name);
Command setup_metadata(CLI::App& parent, const char* name);
Command setup_diff(CLI::App& parent, const char* name);
Command setup_devices(CLI::App& parent, const char* name);
Command setup_snapshot(CLI::App& parent, const char* name);
Command setup_scan(CLI::App& parent, const char* name);
Command setup_audit(CLI::App& parent, const char* name);
Command setup_explain(CLI::App& parent, const char* name);
Command setup_cache(CLI::App& parent, const char* name);
Command setup_verify_log(CLI::App& parent, const char* name);

}  // namespace weigh::core
