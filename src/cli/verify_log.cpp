#include <filesystem>
#include <fstream>
#include <iostream>

#include "src/cli/commands.h"
#include "src/cli/remote_use.h"
#include "src/cli/run_options.h"
#include "src/report/summary.h"
#include "src/report/verification.h"
#include "src/verify/read_log.h"
#include "src/weigh/device_sets.h"
#include "src/weigh/verify.h"

namespace weigh::core {
namespace {

constexpr std::array<std::string_view, 2> kVerifyFormats{"text", "json"};

struct VerifyOptions {
  CommonOptions common;
  RemoteFlags remote;
  RunOptions run;
  std::string log;
  std::string model;
  std::vector<std::string> on;
};

/// Of a file, or of standard input for "-".
EngineLog read_log(const std::string& path) {
  if (path == "-") return read_engine_log(std::cin, "standard input");
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) throw Error(path + " is a folder, not a log");
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) {
    throw IoError(path + (std::filesystem::exists(path, error) ? " cannot be read" : " does not exist"));
  }
  return read_engine_log(file, path);
}

int run_verify_log(const VerifyOptions& options, Session& session) {
  const RemoteUse remote(options.remote, options.common.quiet, session);
  const Catalogue catalogue = load_catalogue();
  const VerifyRequest request{.log = options.log == "-" ? "standard input" : options.log,
                              .model = options.model,
                              .options = options.run,
                              .devices = options.on};
  check_run_options(options.run);
  Output output(options.common, session, {options.log, options.model});
  const Verification verification = verify_log(read_log(options.log), request, catalogue);
  for (const Failure& failure : verification.errors) session.tell(failure_line(failure));
  write_verification(verification, output.format(), output.style(), output.stream());
  output.finish();
  return verification.runs.empty() ? 1 : 0;
}

}  // namespace

Command setup_verify_log(CLI::App& parent, const char* name) {
  auto options = std::make_shared<VerifyOptions>();
  OptionSet command = add_command(parent, name, "What an engine printed at start beside what weigh says",
                                  "  weigh verify-log server.log\n"
                                  "  weigh verify-log server.log model.gguf\n"
                                  "  weigh verify-log vllm.log ./checkpoint-folder --on \"2x h100-sxm\"\n"
                                  "  llama-cli -m model.gguf -no-cnv -n 1 -v 2>&1 | weigh verify-log - model.gguf");
  command.add_argument("LOG", options->log, "What llama.cpp or vLLM printed, or - for standard input",
                       Presence::Required);
  command.add_argument("MODEL", options->model, "A model, or a folder with those that the log names");
  add_device_option(command, options->on);
  add_run_options(command, options->run);
  add_layer_options(command, options->run);
  add_common_options(command, options->common, kVerifyFormats);
  add_remote_options(command, options->remote);
  return [options](Session& session) { return run_verify_log(*options, session); };
}

}  // namespace weigh::core
