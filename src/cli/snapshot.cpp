#include "formats/snapshot.h"

#include <fmt/core.h>

#include <optional>

#include "src/checkpoint/take_snapshot.h"
#include "src/cli/commands.h"
#include "src/cli/remote_use.h"
#include "src/cli/weighing.h"
#include "src/report/summary.h"
#include "src/report/text_format.h"

namespace weigh::core {
namespace {

struct SnapshotOptions {
  std::string path;
  std::string output;
  RemoteFlags remote;
  bool quiet = false;
  bool overwrite = false;
};

int run_snapshot(const SnapshotOptions& options, Session& session) {
  const RemoteUse remote(options.remote, options.quiet, session);
  const bool to_stream = options.output == "-";
  std::optional<OutputFile> output;
  if (!to_stream) output.emplace(options.output, std::vector{options.path}, options.overwrite);
  Snapshot snapshot;
  try {
    snapshot = take_snapshot(options.path);
  } catch (const Error& error) {
    session.tell(failure_line({options.path, error.what(), error.offset}));
    return 1;
  }
  const std::vector<std::byte> bytes = write_snapshot(snapshot);
  std::ostream& stream = output ? output->stream() : session.out;
  stream.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (output) output->commit();
  if (options.quiet || to_stream) return 0;
  std::uint64_t whole = 0;
  for (const SnapshotFile& file : snapshot.files) whole += file.file_bytes;
  session.out << escaped(options.output) << ": " << human_bytes(bytes.size()) << " for "
              << counted(snapshot.files.size(), "file") << " of " << human_bytes(whole) << '\n';
  return 0;
}

}  // namespace

Command setup_snapshot(CLI::App& parent, const char* name) {
  auto options = std::make_shared<SnapshotOptions>();
  OptionSet command =
      add_command(parent, name, "A copy of a model's headers alone; every command takes it for the model",
                  "  weigh snapshot model.gguf -o model.weigh.zst\n"
                  "  weigh snapshot ./checkpoint-folder -o checkpoint.weigh.zst\n"
                  "  weigh model.weigh.zst --on rtx-4090");
  command.add_argument("PATH", options->path, "A file, any part of a set, a folder", Presence::Required);
  command.add_option("-o,--output", options->output, "The snapshot, by custom NAME.weigh.zst; -: standard output",
                     "FILE", Presence::Required);
  command.add_flag("--force", options->overwrite, "Write over a file that exists");
  command.add_flag("-q,--quiet", options->quiet, "Say nothing when it went well");
  add_remote_options(command, options->remote);
  return [options](Session& session) { return run_snapshot(*options, session); };
}

}  // namespace weigh::core
