#include "src/cli/commands.h"
#include "src/cli/remote_use.h"
#include "src/cli/weighing.h"
#include "src/report/listings.h"

namespace weigh::core {
namespace {

struct MetadataOptions {
  CommonOptions common;
  RemoteFlags remote;
  std::string path;
  bool full = false;
};

int run_metadata(const MetadataOptions& options, Session& session) {
  const RemoteUse remote(options.remote, options.common.quiet, session);
  Output output(options.common, session, {options.path});
  OneCheckpoint one = open_one(options.path, session);
  const int status = one.failures.empty() ? 0 : 1;
  MetadataListing listing{one.checkpoint ? one.checkpoint->path : options.path,
                          one.checkpoint ? &*one.checkpoint : nullptr, options.full, std::move(one.failures)};
  write_metadata(listing, output.format(), output.style(), output.stream());
  output.finish();
  return status;
}

}  // namespace

Command setup_metadata(CLI::App& parent, const char* name) {
  auto options = std::make_shared<MetadataOptions>();
  OptionSet command = add_command(parent, name, "The key/values of a model file, and its config.json",
                                  "  weigh metadata model.gguf\n"
                                  "  weigh metadata model.gguf --full --json\n"
                                  "  weigh metadata ./checkpoint-folder");
  command.add_argument("PATH", options->path, "A file, any part of a set, a folder, a snapshot, a name, -",
                       Presence::Required);
  command.add_flag("--full", options->full, "Long arrays and texts as a whole");
  add_common_options(command, options->common);
  add_remote_options(command, options->remote);
  return [options](Session& session) { return run_metadata(*options, session); };
}

}  // namespace weigh::core
