// The report people read: one function for each block of it, from the first line to the notes.

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "src/report/fit_words.h"
#include "src/report/summary.h"
#include "src/report/text_format.h"
#include "src/report/text_writer.h"
#include "src/report/writers.h"

namespace weigh::core {
namespace {

constexpr std::size_t kErrorsOnTop = 3;     // the rest comes with the other findings
constexpr std::size_t kFindingsShown = 12;  // --verbose shows all

void write_finding(const Finding& finding, const Model& model, TextWriter& page) {
  static constexpr std::array<std::optional<Color>, 3> kColors{std::nullopt, Color::Yellow, Color::Red};
  const auto color = kColors[static_cast<std::size_t>(finding.severity)];
  page.paragraph(page.label(severity_name(finding.severity), color), page.safe(finding_text(finding, model)));
}

/// How many of the findings, errors first, are shown above everything else: a truncated file says so at once.
std::size_t errors_on_top(const Model& model) {
  const auto errors = std::count_if(model.findings.begin(), model.findings.end(),
                                    [](const Finding& finding) { return finding.severity == Severity::Error; });
  return std::min(static_cast<std::size_t>(errors), kErrorsOnTop);
}

void write_other_findings(const Model& model, TextWriter& page) {
  const std::size_t first = errors_on_top(model);
  const std::size_t all = model.findings.size();
  const std::size_t end = page.style().verbose ? all : std::min(all, first + kFindingsShown);
  if (first == all) return;
  page.line();
  for (std::size_t i = first; i < end; ++i) write_finding(model.findings[i], model, page);
  if (end < all) page.line(fmt::format("  and {} (--verbose shows all)", counted(all - end, "more finding")));
}

void write_dtypes(const Model& model, TextWriter& page) {
  if (model.by_dtype.empty() || model.checkpoint.path.empty()) return;
  const bool exact = page.style().verbose;
  std::vector<std::vector<std::string>> rows{{"dtype", "tensors", "parameters", exact ? "bytes" : "size"}};
  for (const DtypeTotals& row : model.by_dtype) {
    rows.push_back({page.safe(row.dtype), grouped(row.tensors),
                    exact ? grouped(known_parameters(row)) : human_parameters(known_parameters(row)),
                    exact ? grouped(row.bytes) : human_bytes(row.bytes)});
  }
  const std::vector<std::string> lines = aligned(rows, "lrrr");
  page.line();
  page.line("  " + lines.front());
  const std::size_t used = 2 + display_width(lines.front()) + 3 + 8;  // indent, gap, and " 100.0 %" after the bar
  const std::size_t room = page.width() > used + 8 ? std::min<std::size_t>(page.width() - used, 30) : 0;
  for (std::size_t i = 0; i < model.by_dtype.size(); ++i) {
    std::string line = "  " + lines[i + 1];
    if (model.weight_bytes > 0) {
      const double share = static_cast<double>(model.by_dtype[i].bytes) / static_cast<double>(model.weight_bytes);
      const std::string drawn = bar(share, room, page.style().unicode);
      const std::size_t drawn_width = std::min(room, display_width(drawn));
      line += fmt::format("   {}{} {:5.1f} %", drawn, std::string(room - drawn_width, ' '), share * 100);
    }
    page.line(line);
  }
  page.line();
}

void write_sizes(const Model& model, TextWriter& page) {
  const std::size_t files = model.checkpoint.files.size();
  if (files > 0) {
    const std::string label = page.label(files == 1 ? "file" : counted(files, "file"));
    page.paragraph(label, file_sum_text(model, page.style().verbose));
  }
  const std::string label = page.label("what if");
  page.hang(label, packed(what_if(model), " | ", page.room_after(label)));
}

void write_device_table(const std::vector<DeviceRow>& devices, TextWriter& page) {
  const auto size = [&](std::uint64_t bytes) { return page.style().verbose ? grouped(bytes) : human_bytes(bytes); };
  std::vector<std::vector<std::string>> rows{{"device", "need", "safe", "limit", "verdict"}};
  for (const DeviceRow& row : devices) {
    const std::string_view verdict = verdict_name(row.fit->verdict);
    rows.push_back({page.safe(row.label), size(row.fit->need.total()), size(row.fit->budget_bytes),
                    size(row.fit->limit_bytes), page.colored(verdict, *color_of(verdict))});
  }
  const std::vector<std::string> lines = aligned(rows, "lrrrl");
  const std::size_t words_column = 2 + display_width(lines.front()) + 3;
  const std::size_t room = page.width() - std::min(page.width(), words_column);
  page.line();
  page.line("  " + lines.front());
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const std::string row = "  " + lines[i + 1];
    const std::string words = page.safe(words_of(*devices[i].fit, page.style().verbose));
    if (room >= 34 || display_width(words) <= room) {
      page.paragraph(row + std::string(words_column - display_width(row), ' '), words);
    } else {  // a narrow terminal
      page.line(row);
      page.paragraph("      ", words);
    }
  }
}

void write_devices(const ModelReport& report, TextWriter& page) {
  write_no_verdict(report.model, page);
  if (report.fits.empty() || (report.common_devices && page.style().quiet)) return;
  std::vector<DeviceRow> rows;
  for (const Fit& fit : report.fits) rows.push_back({device_label(fit.device), &fit});
  write_device_table(rows, page);
  if (!page.style().quiet) page.paragraph("  ", need_note(report));
}

void write_model(const ModelReport& report, bool one_of_many, TextWriter& page) {
  const Model& model = report.model;
  write_heading(model, one_of_many || page.style().verbose, page);
  if (const std::string missing = missing_text(model); !missing.empty()) {
    page.paragraph(page.label("INCOMPLETE", Color::Red), missing);
  }
  const std::size_t top = errors_on_top(model);
  for (std::size_t i = 0; i < top; ++i) write_finding(model.findings[i], model, page);
  for (const SummaryLine& line : summary_lines(model, page.style().verbose))
    page.paragraph(page.label(line.label), page.safe(line.text));
  if (!page.style().quiet) {
    write_dtypes(model, page);
    write_sizes(model, page);
  }
  write_devices(report, page);
  if (!page.style().quiet) write_other_findings(model, page);
  if (!report.as_gguf.empty() && !page.style().quiet) {
    page.line();
    page.paragraph(page.label("as GGUF"), page.safe(choices_text(report.as_gguf)));
  }
}

}  // namespace

void write_pipeline(const PipelineReport& report, TextWriter& page) {
  write_heading(page.safe(report.name), page.safe(pipeline_kind_text(report)), page);
  if (!report.missing.empty()) page.paragraph(page.label("INCOMPLETE", Color::Red), page.safe(missing_text(report)));
  for (const SummaryLine& line : summary_lines(report)) page.paragraph(page.label(line.label), page.safe(line.text));
  if (report.at_once.empty() || (report.common_devices && page.style().quiet)) return;
  write_device_table(device_rows(report), page);
}

void write_text(const Report& report, const Style& style, std::ostream& out) {
  TextWriter page(style, out);
  for (const ModelReport& model : report.models) {
    if (&model != &report.models.front()) page.line();
    write_model(model, report.models.size() > 1, page);
  }
  for (const PipelineReport& pipeline : report.pipelines) {
    page.line();
    write_pipeline(pipeline, page);
  }
}

}  // namespace weigh::core
