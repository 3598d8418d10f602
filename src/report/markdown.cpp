// A report to paste into an issue or a model card.

#include <fmt/format.h>

#include "src/report/escape.h"
#include "src/report/fit_words.h"
#include "src/report/summary.h"
#include "src/report/table.h"
#include "src/report/text_format.h"
#include "src/report/writers.h"

namespace weigh::core {
namespace {

void write_dtypes(const Model& model, std::ostream& out) {
  if (model.by_dtype.empty() || model.checkpoint.path.empty()) return;
  Table table{{{"dtype"}, {"tensors", Unit::Count}, {"parameters", Unit::Count}, {"bytes", Unit::Count}}, {}};
  for (const DtypeTotals& row : model.by_dtype) {
    const auto parameters = known_parameters(row);
    table.rows.push_back({row.dtype, row.tensors, parameters ? Cell(*parameters) : Cell("unknown"), row.bytes});
  }
  out << '\n';
  write_markdown_table(table, out);
}

/// What each need is made of, a row for each device.
void write_parts(const ModelReport& report, std::ostream& out) {
  Table table{{{"device"}, {"weights"}, {"KV cache"}, {"state"}, {"compute"}, {"overhead"}, {"host"}, {"placement"}},
              {}};
  for (const Fit& fit : report.fits) {
    if (!fit.context) continue;  // no run: the weights alone
    auto& row = table.rows.emplace_back();
    row.emplace_back(device_label(fit.device));
    for (const auto& [name, part] : kShownParts) {
      const Bytes& bytes = fit.need.*part;
      row.push_back(bytes ? Cell(human_bytes(*bytes)) : Cell("not known"));
    }
    row.push_back(fit.host ? Cell(human_bytes(fit.host->need_bytes)) : Cell());
    row.push_back(fit.flags.empty() ? Cell() : Cell(fmt::format("{}", fmt::join(fit.flags, " "))));
  }
  if (table.rows.empty() || report.common_devices) return;
  out << '\n';
  write_markdown_table(table, out);
}

Table device_table() { return {{{"device"}, {"need"}, {"safe"}, {"limit"}, {"verdict"}, {"why"}}, {}}; }

void add_device(std::string label, const Fit& fit, Table& table) {
  table.rows.push_back({std::move(label), human_bytes(fit.need.total()), human_bytes(fit.budget_bytes),
                        human_bytes(fit.limit_bytes), std::string(verdict_name(fit.verdict)), words_of(fit, false)});
}

void write_devices(const ModelReport& report, std::ostream& out) {
  if (report.fits.empty()) return;
  Table table = device_table();
  for (const Fit& fit : report.fits) add_device(device_label(fit.device), fit, table);
  out << '\n';
  write_markdown_table(table, out);
  write_parts(report, out);
  out << '\n' << markdown_escaped(need_note(report)) << '\n';
}

void write_findings(const Model& model, std::ostream& out) {
  if (model.findings.empty()) return;
  out << '\n';
  for (const Finding& finding : model.findings) {
    out << "- **" << severity_name(finding.severity) << "** " << markdown_escaped(finding_text(finding, model)) << '\n';
  }
}

void write_model(const ModelReport& report, bool exact, std::ostream& out) {
  const Model& model = report.model;
  out << "### " << markdown_escaped(model.checkpoint.name) << "\n\n" << markdown_escaped(kind_of(model)) << '\n';
  if (const std::string missing = missing_text(model); !missing.empty()) out << "\n**Incomplete**: " << missing << '\n';
  write_findings(model, out);
  out << '\n';
  for (const SummaryLine& line : summary_lines(model, exact))
    out << "- " << line.label << ": " << markdown_escaped(line.text) << '\n';
  if (!model.checkpoint.files.empty()) out << "- file: " << markdown_escaped(file_sum_text(model, exact)) << '\n';
  for (const std::string& line : packed(what_if(model), ", ", 200)) out << "- what if: " << line << '\n';
  write_dtypes(model, out);
  write_devices(report, out);
}

void write_pipeline(const PipelineReport& report, std::ostream& out) {
  out << "### " << markdown_escaped(report.name) << "\n\n" << markdown_escaped(pipeline_kind_text(report)) << '\n';
  if (!report.missing.empty()) out << "\n**Incomplete**: " << markdown_escaped(missing_text(report)) << '\n';
  out << '\n';
  for (const SummaryLine& line : summary_lines(report)) {
    out << "- " << line.label << ": " << markdown_escaped(line.text) << '\n';
  }
  Table table = device_table();
  for (const DeviceRow& row : device_rows(report)) add_device(row.label, *row.fit, table);
  if (table.rows.empty()) return;
  out << '\n';
  write_markdown_table(table, out);
}

}  // namespace

void write_markdown(const Report& report, const Style& style, std::ostream& out) {
  for (const ModelReport& model : report.models) {
    if (&model != &report.models.front()) out << '\n';
    write_model(model, style.verbose, out);
  }
  for (const PipelineReport& pipeline : report.pipelines) {
    out << '\n';
    write_pipeline(pipeline, out);
  }
  if (report.errors.empty()) return;
  out << (report.models.empty() ? "" : "\n") << "Not read:\n\n";
  for (const Failure& failure : report.errors) out << "- " << markdown_escaped(failure_line(failure)) << '\n';
}

}  // namespace weigh::core
