#include "src/weigh/explain.h"

#include <fmt/core.h>

#include "src/cli/commands.h"
#include "src/cli/remote_use.h"
#include "src/cli/run_options.h"
#include "src/cli/weighing.h"
#include "src/weigh/device_sets.h"

namespace weigh::core {
namespace {

constexpr std::array<std::string_view, 2> kExplainFormats{"text", "json"};

struct ExplainOptions {
  CommonOptions common;
  RemoteFlags remote;
  RunOptions run;
  std::string term;
  std::string path;
  std::vector<std::string> on;
};

int run_explain(const ExplainOptions& options, Session& session) {
  const RemoteUse remote(options.remote, options.common.quiet, session);
  const Catalogue catalogue = load_catalogue();
  const RunSetup setup = set_up_run(options.run, or_this_machine(options.on, *this_machine(), catalogue), catalogue);
  Output output(options.common, session, {options.path});
  OneCheckpoint one = open_one(options.path, session);
  const int status = one.failures.empty() ? 0 : 1;
  if (!one.checkpoint) return 1;
  const Model model = describe(std::move(*one.checkpoint));
  write_explanation(explain(options.term, model, setup), output.format(), output.style(), output.stream());
  output.finish();
  return status;
}

}  // namespace

Command setup_explain(CLI::App& parent, const char* name) {
  auto options = std::make_shared<ExplainOptions>();
  OptionSet command = add_command(parent, name, "One figure of a report as the sum it is",
                                  "  weigh explain kv model.gguf --context 32k\n"
                                  "  weigh explain weights model.gguf --on rtx-4090\n"
                                  "  weigh explain active model.gguf");
  command.add_argument("TERM", options->term, "weights, kv, state, compute, overhead, budget or active",
                       Presence::Required);
  command.add_argument("PATH", options->path, "A file, any part of a set, a folder, a snapshot, a name, -",
                       Presence::Required);
  add_device_option(command, options->on);
  add_run_options(command, options->run);
  add_placement_options(command, options->run);
  add_common_options(command, options->common, kExplainFormats);
  add_remote_options(command, options->remote);
  return [options](Session& session) { return run_explain(*options, session); };
}

}  // namespace weigh::core
