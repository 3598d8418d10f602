#include <fmt/core.h>

#include "src/checkpoint/distinct_paths.h"
#include "src/cli/commands.h"
#include "src/cli/remote_use.h"
#include "src/cli/run_options.h"
#include "src/cli/weighing.h"
#include "src/report/summary.h"
#include "src/report/text_format.h"
#include "src/weigh/run_setup.h"

namespace weigh::core {
namespace {

struct InspectOptions {
  CommonOptions common;
  RemoteFlags remote;
  std::vector<std::string> paths;
  std::vector<std::string> on;
  RunOptions run;
  std::string require;
};

int run_inspect(const InspectOptions& options, Session& session) {
  const RemoteUse remote(options.remote, options.common.quiet, session);
  const Catalogue catalogue = load_catalogue();
  const RunSetup setup = set_up_run(options.run, options.on, catalogue);
  const std::optional<Verdict> required = required_verdict(options.require, setup.groups);
  Output output(options.common, session, options.paths);
  Report report;
  std::size_t unread = 0;
  const std::vector<std::string> paths = distinct_paths(options.paths);
  for (const std::string& path : paths) {
    Report part = weigh_path(path, setup, WeighDetail::Run);
    unread += part.errors.empty() ? 0 : 1;
    add_told(std::move(part), report, session);
  }
  write_report(report, output);
  if (unread > 0 && paths.size() > 1 && !options.common.quiet) {
    session.tell(fmt::format("{} of {} could not be read", unread, counted(paths.size(), "path")));
  }
  return with_requirement(exit_status(report), report, required);
}

}  // namespace

Command setup_inspect(CLI::App& parent, const char* name) {
  auto options = std::make_shared<InspectOptions>();
  OptionSet command = add_command(parent, name, "What a model holds, and on which devices it fits",
                                  "  weigh model.gguf --on rtx-4090\n"
                                  "  weigh ./checkpoint-folder --on \"2x h100-sxm\" --on 24GiB\n"
                                  "  weigh --json *.gguf --output models.json");
  command.add_argument("PATH", options->paths, "Files, any part of a set, folders, snapshots, names, -",
                       Presence::Required);
  add_device_option(command, options->on);
  add_run_options(command, options->run);
  add_layer_options(command, options->run);
  add_require_option(command, options->require);
  add_common_options(command, options->common, kReportFormats);
  add_remote_options(command, options->remote);
  return [options](Session& session) { return run_inspect(*options, session); };
}

}  // namespace weigh::core
