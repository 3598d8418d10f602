#pragma once

#include <string>
#include <vector>

#include "src/memory/run.h"
#include "src/verify/engine_log.h"

namespace weigh::core {

/// A run of llama.cpp as a log tells it.
struct ToldRun {
  Run run;
  std::vector<double> proportions;       ///< of the devices, as many as there are
  std::vector<std::string> devices;      ///< by their names; empty: the host alone
  std::string settings;                  ///< in words
  std::vector<std::string> assumptions;  ///< likewise, what the log does not say
};

ToldRun told_run(const LogModel& log, const LogRun& run, const Run& otherwise);

/// The memory that a buffer of such a name lies in: "CUDA0", "MTL0" of "MTL0_Mapped"; empty for the host, whose buffers
/// are "CPU", "CPU_Mapped", "CUDA_Host" and others.
std::string_view memory_of(std::string_view buffer);

/// Whether a buffer holds weights a second time, in an order that the CPU likes.
bool is_repacked(std::string_view buffer);

/// Whether a buffer is a range of the file's pages.
bool is_mapped(std::string_view buffer);

}  // namespace weigh::core
