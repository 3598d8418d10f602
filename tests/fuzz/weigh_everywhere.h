#pragma once

#include <sstream>

#include "src/devices/catalogue.h"
#include "src/fit/weigh.h"
#include "src/report/writers.h"

namespace weigh::core {

/// Holds the model against devices of each kind in every engine, with all detail, and writes all of it.
inline void weigh_everywhere(Model model) {
  static const Catalogue kCatalogue = Catalogue::built_in();
  static const std::vector<DeviceSet> kSets = [] {
    std::vector<DeviceSet> sets;
    for (const std::string_view device : {"rtx-4090", "2x h100-sxm", "m3-pro-18gb", "64GiB"}) {
      try {
        sets.push_back(device_set_of(kCatalogue.resolve(device)));
      } catch (const Error&) {
        __builtin_trap();
      }
    }
    return sets;
  }();
  Report report;
  report.models.push_back({std::move(model), {}, false});
  for (int engine = 0; engine < static_cast<int>(kEngines); ++engine) {
    RunRequest request{.engine = static_cast<Engine>(engine)};
    if (request.engine == Engine::LlamaCpp) request.companions.push_back({CompanionRole::Prediction, nullptr});
    try {
      const Weighing weighing = weigh(report.models.front().model, request, kSets, kCatalogue, WeighDetail::Advice);
      for (const Fit& fit : weighing.fits) {
        if (fit.verdict == Verdict::Fits && fit.headroom_bytes < 0) __builtin_trap();
      }
    } catch (const Error&) {
    }
  }
  for (const ReportWriter& writer : report_writers()) {
    std::ostringstream out;
    writer.write(report, {}, out);
  }
}

}  // namespace weigh::core
