#include "src/cli/commands.h"
#include "src/cli/remote_use.h"
#include "src/cli/weighing.h"
#include "src/report/difference.h"

namespace weigh::core {
namespace {

struct DiffOptions {
  CommonOptions common;
  RemoteFlags remote;
  std::string a;
  std::string b;
};

/// As diff(1): 0 the same, 1 a difference, 2 trouble. Damaged models that seem the same are trouble.
int run_diff(const DiffOptions& options, Session& session) {
  const RemoteUse remote(options.remote, options.common.quiet, session);
  Output output(options.common, session, {options.a, options.b});
  OneCheckpoint a = open_one(options.a, session);
  OneCheckpoint b = open_one(options.b, session);
  std::vector<Failure> failures = std::move(a.failures);
  failures.insert(failures.end(), b.failures.begin(), b.failures.end());

  Report report;
  std::optional<Difference> difference;
  if (a.checkpoint && b.checkpoint) {
    report.models.push_back({describe(std::move(*a.checkpoint)), {}, false});
    report.models.push_back({describe(std::move(*b.checkpoint)), {}, false});
    difference = compare(report.models.front().model, report.models.back().model);
  }
  report.errors = failures;
  write_difference(difference ? &*difference : nullptr, options.a, options.b, failures, output.format(), output.style(),
                   output.stream());
  output.finish();
  constexpr int kTrouble = 2;
  if (!difference || !failures.empty()) return kTrouble;
  if (!difference->equal()) return 1;
  return exit_status(report) == 0 ? 0 : kTrouble;
}

}  // namespace

Command setup_diff(CLI::App& parent, const char* name) {
  auto options = std::make_shared<DiffOptions>();
  OptionSet command = add_command(parent, name, "What differs between two models: tensors, types, bytes, metadata",
                                  "  weigh diff model.Q4_K_M.gguf model.Q5_K_M.gguf\n"
                                  "  weigh diff ./checkpoint ./checkpoint-merged --json\n"
                                  "  weigh diff ./checkpoint model.f16.gguf      by role and layer, across formats");
  command.add_argument("A", options->a, "A file, any part of a set, a folder, a snapshot", Presence::Required);
  command.add_argument("B", options->b, "What to compare it with", Presence::Required);
  add_common_options(command, options->common);
  add_remote_options(command, options->remote);
  return [options](Session& session) { return run_diff(*options, session); };
}

}  // namespace weigh::core
