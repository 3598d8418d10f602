#include "src/audit/audit.h"

#include <fmt/core.h>

#include "src/cli/commands.h"
#include "src/cli/progress.h"
#include "src/report/audit.h"
#include "src/report/text_format.h"
#include "src/weigh/scan_models.h"

namespace weigh::core {
namespace {

constexpr std::array<std::string_view, 3> kAuditFormats{"text", "json", "sarif"};

struct CliAuditOptions {
  CommonOptions common;
  std::vector<std::string> paths;
  bool deep = false;
};

int run_audit(const CliAuditOptions& options, Session& session) {
  Output output(options.common, session, options.paths);
  std::vector<Audit> audits;
  bool wrong = false;
  ProgressLine line(session, options.common.quiet);
  AuditOptions how;
  how.deep = options.deep;
  how.threads = threads_or_all(0);
  for (const std::string& path : options.paths) {
    how.progress = [&](std::uint64_t done, std::uint64_t all) {
      if (!line.due()) return;
      const std::string left = time_left(line.seconds(), static_cast<double>(done), static_cast<double>(all));
      line.show(fmt::format("{}: {} of {} read{}{}", escaped(path), human_bytes(done), human_bytes(all),
                            left.empty() ? "" : ", ", left));
    };
    for (Audit& audit : audit_path(path, how)) {
      wrong = wrong || has_error(audit);
      audits.push_back(std::move(audit));
    }
  }
  line.clear();
  write_audits(audits, output.format(), output.style(), output.stream());
  output.finish();
  return wrong ? 1 : 0;
}

}  // namespace

Command setup_audit(CLI::App& parent) {
  auto options = std::make_shared<CliAuditOptions>();
  OptionSet command = add_command(parent, "audit", "Is a model whole, honest and safe to load",
                                  "  weigh audit model.gguf\n"
                                  "  weigh audit ./checkpoint-folder --deep\n"
                                  "  weigh audit ~/models/* --format sarif --output models.sarif");
  command.add_argument("PATH", options->paths, "Files, any part of a set, folders, snapshots", Presence::Required);
  command.add_flag("--deep", options->deep, "Read every byte: digests, NaN, infinities, tensors of zeros");
  add_common_options(command, options->common, kAuditFormats);
  return [options](Session& session) { return run_audit(*options, session); };
}

}  // namespace weigh::core
