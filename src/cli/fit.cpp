#include <fmt/core.h>

#include "src/checkpoint/distinct_paths.h"
#include "src/cli/commands.h"
#include "src/cli/remote_use.h"
#include "src/cli/run_options.h"
#include "src/cli/weighing.h"
#include "src/report/summary.h"
#include "src/report/text_format.h"
#include "src/report/writers.h"
#include "src/weigh/device_sets.h"
#include "src/weigh/run_setup.h"

namespace weigh::core {
namespace {

struct FitOptions {
  CommonOptions common;
  RemoteFlags remote;
  RunOptions run;
  std::vector<std::string> paths;
  std::vector<std::string> on;
  std::string require;
};

int run_fit(const FitOptions& options, Session& session) {
  const RemoteUse remote(options.remote, options.common.quiet, session);
  const Catalogue catalogue = load_catalogue();
  const RunSetup setup = set_up_run(options.run, or_this_machine(options.on, *this_machine(), catalogue), catalogue);
  const std::optional<Verdict> required = required_verdict(options.require, setup.groups);
  Output output(options.common, session, options.paths);
  Report report;
  // Nobody wants advice for each of the common devices.
  const WeighDetail detail = setup.groups.empty() ? WeighDetail::Run : WeighDetail::Advice;
  for (const std::string& path : distinct_paths(options.paths)) {
    add_told(weigh_path(path, setup, detail), report, session);
  }
  if (output.format() == "text" && !setup.groups.empty()) {
    write_fits(report, output.style(), output.stream());
    output.finish();
  } else if (output.format() == "markdown" && !setup.groups.empty()) {
    write_fits_markdown(report, output.style(), output.stream());
    output.finish();
  } else {
    write_report(report, output);
  }
  return with_requirement(exit_status(report), report, required);
}

}  // namespace

Command setup_fit(CLI::App& parent, const char* name) {
  auto options = std::make_shared<FitOptions>();
  OptionSet command = add_command(parent, name, "What a run needs, part by part, and what makes it fit",
                                  "  weigh fit model.gguf --on rtx-4090 --context 32768\n"
                                  "  weigh fit model.gguf --on rtx-4090 --on rtx-3060 --together\n"
                                  "  weigh fit ./checkpoint-folder --engine vllm --on \"2x h100-sxm\"\n"
                                  "  weigh fit ./checkpoint-folder --train qlora --on rtx-4090\n"
                                  "  weigh fit *.gguf --on 24GiB --require fits --quiet");
  command.add_argument("PATH", options->paths, "Files, any part of a set, folders, snapshots, names, -",
                       Presence::Required);
  add_device_option(command, options->on);
  add_run_options(command, options->run);
  add_placement_options(command, options->run);
  add_training_options(command, options->run.training);
  add_require_option(command, options->require);
  add_common_options(command, options->common, kReportFormats);
  add_remote_options(command, options->remote);
  return [options](Session& session) { return run_fit(*options, session); };
}

}  // namespace weigh::core
