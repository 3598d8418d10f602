#include "src/weigh/run_setup.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "formats/error.h"
#include "src/weigh/device_sets.h"
#include "src/weigh/pipelines.h"

namespace weigh::core {

RunSetup set_up_run(RunOptions options, const std::vector<std::string>& devices, const Catalogue& catalogue) {
  check_run_options(options);
  std::vector<DeviceSet> groups = resolve_groups(catalogue, devices, options.host, options.together);
  Companions companions(options);
  return {std::move(options), std::move(groups), std::move(companions), catalogue};
}

Report weigh_path(const std::string& path, const RunSetup& setup, WeighDetail detail) {
  OpenResult opened = open_checkpoints(path);
  Report report;
  for (Checkpoint& checkpoint : opened.checkpoints) {
    report.models.push_back(weigh_run_of(describe(std::move(checkpoint)), setup.options, setup.companions, setup.groups,
                                         setup.catalogue, detail));
  }
  // Training weighs one model at a time.
  if (setup.options.training.recipe.empty()) {
    report.pipelines = pipelines_of(opened.path, report.models, std::move(opened.missing_components), setup);
  }
  report.errors = std::move(opened.failures);
  return report;
}

void append(Report&& part, Report& report) {
  std::ranges::move(part.models, std::back_inserter(report.models));
  std::ranges::move(part.pipelines, std::back_inserter(report.pipelines));
  std::ranges::move(part.errors, std::back_inserter(report.errors));
}

OneCheckpoint one_of(OpenResult opened) {
  // A manifest of Ollama names its model; a projector that comes with it is named by its blob.
  const auto named = std::ranges::find_if(opened.checkpoints, [&](const Checkpoint& checkpoint) {
    return checkpoint.named_by_store && checkpoint.path == opened.path;
  });
  if (named != opened.checkpoints.end()) {
    OneCheckpoint one{std::move(*named), std::move(opened.failures)};
    return one;
  }
  if (opened.checkpoints.size() > 1) {
    constexpr std::size_t kMaxNames = 8;
    std::string names;
    for (std::size_t i = 0; i < std::min(opened.checkpoints.size(), kMaxNames); ++i) {
      names += (i > 0 ? ", " : "") + opened.checkpoints[i].path;
    }
    throw UsageError(fmt::format("{} holds {} models; name one: {}", opened.path, opened.checkpoints.size(), names));
  }
  OneCheckpoint one{std::nullopt, std::move(opened.failures)};
  if (!opened.checkpoints.empty()) one.checkpoint = std::move(opened.checkpoints.front());
  return one;
}

}  // namespace weigh::core
