#include "src/cli/remote_use.h"

#include <fmt/format.h>

#include <memory>

#include "formats/text.h"
#include "src/checkpoint/model_names.h"
#include "src/checkpoint/resolve_remote.h"
#include "src/remote/session.h"
#include "src/report/escape.h"

namespace weigh::core {

RemoteUse::RemoteUse(const RemoteFlags& flags, bool quiet, const Session& session) : line_(session, quiet) {
  RemoteOptions remote;
  remote.offline = flags.offline;
  if (!flags.max_download.empty()) {
    const auto most = parse_size(flags.max_download);
    if (!most || *most == 0)
      throw UsageError(fmt::format("--max-download {}: not a size such as 256MiB", flags.max_download));
    remote.most_bytes = *most;
  }
  remote.progress = [this](const RemoteProgress& progress) {
    if (!line_.due()) return;
    line_.show(fmt::format("reading {} {}: {:.1f} MiB in {} {}", progress.files, progress.files == 1 ? "file" : "files",
                           static_cast<double>(progress.bytes) / (1U << 20U), progress.requests,
                           progress.requests == 1 ? "request" : "requests"));
  };
  remote.tell = [this, &session](const std::string& sentence) {
    line_.clear();
    session.tell(escaped(sentence));
  };
  RemoteSession::make_current(std::make_shared<RemoteSession>(std::move(remote)));
}

// Files that were read stay open longer than the command's output: what is kept of them goes to the cache with them.
RemoteUse::~RemoteUse() { RemoteSession::make_current(nullptr); }

void check_deep(const std::vector<std::string>& paths) {
  for (const std::string& named : paths) {
    std::string path;
    try {
      path = locate_model(named);
    } catch (const Error&) {  // told when it is opened
      continue;
    }
    if (!is_remote(path)) continue;
    throw UsageError(fmt::format("{}: --deep reads all weights, and these {} bytes are not here: download them first",
                                 named, remote_weight_bytes(path)));
  }
}

}  // namespace weigh::core
