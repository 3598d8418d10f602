#include "src/audit/audit.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "src/audit/accepted_findings.h"
#include "src/audit/audited_folders.h"
#include "src/checkpoint/distinct_paths.h"
#include "src/cli/commands.h"
#include "src/cli/progress.h"
#include "src/cli/remote_use.h"
#include "src/cli/small_file.h"
#include "src/devices/text.h"
#include "src/report/audit.h"
#include "src/report/text_format.h"
#include "src/weigh/scan_models.h"

namespace weigh::core {
namespace {

constexpr std::array<std::string_view, 3> kAuditFormats{"text", "json", "sarif"};

struct CliAuditOptions {
  CommonOptions common;
  RemoteFlags remote;
  std::vector<std::string> paths;
  std::string fail_on = "error";
  std::string accept;
  bool deep = false;
  bool recursive = false;
};

/// The mildest finding that makes the exit status 1; nothing: none does.
std::optional<Severity> failing_severity(const std::string& text) {
  if (text == "never") return std::nullopt;
  if (text == "error") return Severity::Error;
  if (text == "warning") return Severity::Warning;
  const std::vector<std::string> words{"error", "warning", "never"};
  throw UsageError(fmt::format("--fail-on {}: there are error, warning and never{}", text, did_you_mean(text, words)));
}

AcceptedFindings accepted_findings(const std::string& path) {
  constexpr std::size_t kMaxBytes = std::size_t{1024} * 1024;
  if (path.empty()) return {};
  const auto text = read_small_file(path, kMaxBytes);
  if (!text) throw UsageError("--accept " + path + ": there is no such file");
  return {*text, path};
}

/// What is audited, one after the other.
std::vector<std::string> audited_paths(const CliAuditOptions& options) {
  std::vector<std::string> paths;
  for (const std::string& path : options.paths) {
    std::vector<std::string> here = options.recursive ? audited_folders(path) : std::vector{path};
    std::ranges::move(here, std::back_inserter(paths));
  }
  return paths;
}

int run_audit(const CliAuditOptions& options, Session& session) {
  const RemoteUse remote(options.remote, options.common.quiet, session);
  if (options.deep) check_deep(options.paths);
  const std::optional<Severity> failing = failing_severity(options.fail_on);
  const AcceptedFindings accepted = accepted_findings(options.accept);
  Output output(options.common, session, options.paths);
  AuditListing listing;
  listing.deep = options.deep;
  bool wrong = false;
  ProgressLine line(session, options.common.quiet);
  AuditOptions how;
  how.deep = options.deep;
  how.threads = threads_or_all(0);
  for (const std::string& path : distinct_paths(audited_paths(options))) {
    how.progress = [&](std::uint64_t done, std::uint64_t all) {
      if (!line.due()) return;
      const std::string left = time_left(line.seconds(), static_cast<double>(done), static_cast<double>(all));
      line.show(fmt::format("{}: {} of {} read{}{}", escaped(path), human_bytes(done), human_bytes(all),
                            left.empty() ? "" : ", ", left));
    };
    for (Audit& audit : audit_path(path, how)) {
      accepted.set_aside(audit);
      wrong = wrong || (failing && has_finding(audit, *failing));
      listing.audits.push_back(std::move(audit));
    }
  }
  line.clear();
  write_audits(listing, output.format(), output.style(), output.stream());
  output.finish();
  return wrong ? 1 : 0;
}

}  // namespace

Command setup_audit(CLI::App& parent, const char* name) {
  auto options = std::make_shared<CliAuditOptions>();
  OptionSet command = add_command(parent, name, "Is a model whole, honest and safe to load",
                                  "  weigh audit model.gguf\n"
                                  "  weigh audit ./checkpoint-folder --deep\n"
                                  "  weigh audit ~/models --recursive --output models.sarif\n"
                                  "  weigh audit ./release --fail-on warning --accept accepted.txt");
  command.add_argument("PATH", options->paths, "Files, any part of a set, folders, snapshots, names, -",
                       Presence::Required);
  command.add_flag("--deep", options->deep, "Read every byte: digests, NaN, infinities, tensors of zeros");
  command.add_flag("-r,--recursive", options->recursive, "Every folder with models below the folders");
  command.add_option("--fail-on", options->fail_on, "Exit with 1 for error (default), warning or never", "LEVEL");
  command.add_option("--accept", options->accept, "Findings that do not count, a line each: CHECK [PATH-PATTERN]",
                     "FILE");
  add_common_options(command, options->common, kAuditFormats);
  add_remote_options(command, options->remote);
  return [options](Session& session) { return run_audit(*options, session); };
}

}  // namespace weigh::core
