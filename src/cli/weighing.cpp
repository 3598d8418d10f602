#include "src/cli/weighing.h"

#include <algorithm>
#include <utility>

#include "src/checkpoint/open_checkpoint.h"
#include "src/report/summary.h"
#include "src/report/writers.h"

namespace weigh::core {

int exit_status(const Report& report) {
  const bool bad = std::any_of(report.models.begin(), report.models.end(), [](const ModelReport& model) {
    return std::any_of(model.model.findings.begin(), model.model.findings.end(),
                       [](const Finding& finding) { return finding.severity == Severity::Error; });
  });
  const bool incomplete =
      std::ranges::any_of(report.pipelines, [](const PipelineReport& p) { return !p.missing.empty(); });
  return bad || incomplete || !report.errors.empty() ? 1 : 0;
}

void add_told(Report&& part, Report& report, const Session& session) {
  for (const Failure& failure : part.errors) session.tell(failure_line(failure));
  append(std::move(part), report);
}

void write_report(const Report& report, Output& output) {
  for (const ReportWriter& writer : report_writers()) {
    if (writer.format == output.format()) writer.write(report, output.style(), output.stream());
  }
  output.finish();
}

OneCheckpoint open_one(const std::string& path, const Session& session) {
  OpenResult opened = open_checkpoints(path);
  for (const Failure& failure : opened.failures) session.tell(failure_line(failure));
  return one_of(std::move(opened));
}

}  // namespace weigh::core
