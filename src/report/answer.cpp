// The top of a report for people: what they came to know.
#include "src/report/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "src/model/kind.h"
#include "src/report/fit_words.h"

namespace weigh::core {
namespace {

constexpr std::size_t kErrorsOnTop = 2;  // the rest comes with the other findings
constexpr std::size_t kLeastRoom = 26;   // columns that words need beside the figures

/// Several facts in one line, or below the name where they do not fit beside it.
void write_title_line(std::string name, const std::vector<std::string>& facts, TextWriter& page) {
  constexpr std::string_view kGap = "   ";
  if (page.style().terminal) name = cut_middle(name, page.width(), page.style().unicode);
  const std::string rest = page.safe(fmt::format("{}", fmt::join(facts, kGap)));
  const std::string shown = page.colored(name, Color::Bold);
  if (display_width(name) + kGap.size() + display_width(rest) <= page.width()) {
    page.line(shown + std::string(rest.empty() ? "" : kGap) + rest);
  } else {
    page.line(shown);
    page.paragraph("  ", rest);
  }
}

std::string parameters_fact(const Model& model) {
  if (!model.parameters_known) return "unknown parameters";
  std::string text = human_parameters(model.total_parameters);
  if (model.active_parameters && *model.active_parameters != model.total_parameters) {
    text += fmt::format(", {} active", human_parameters(*model.active_parameters));
  }
  return text;
}

std::string figures(const Fit& fit, const TextWriter& page) {
  return page.style().verbose ? fmt::format("{} of {} bytes", grouped(fit.device_bytes()), grouped(fit.budget_bytes))
                              : share_text(fit.device_bytes(), fit.budget_bytes);
}

/// On what host the verdicts rest, each once.
void write_hosts(const std::vector<DeviceRow>& devices, TextWriter& page) {
  std::set<std::string> hosts;
  for (const DeviceRow& row : devices) {
    if (row.fit->host) hosts.insert(host_text(*row.fit->host));
  }
  for (const std::string& host : hosts) page.paragraph("  ", host);
}

/// Errors first: a file that is cut says so at once.
void write_faults(const Model& model, TextWriter& page) {
  if (const std::string missing = missing_text(model); !missing.empty()) {
    page.paragraph(page.label("INCOMPLETE", Color::Red), missing);
  }
  std::size_t shown = 0;
  for (const Finding& finding : model.findings) {
    if (finding.severity != Severity::Error || shown++ == kErrorsOnTop) break;
    write_finding(finding, model, page);
  }
}

/// Why something that is no model by itself is held against no device.
void write_no_verdict(const Model& model, TextWriter& page) {
  if (runs_alone(model.kind)) return;
  page.paragraph("  ", goes_with_a_model(model.kind) ? fmt::format("{}: runs with its base model: name it", model.kind)
                                                     : fmt::format("{}: nothing that runs", model.kind));
}

/// The commands of a report, each once; where there are several devices with a comment that a shell passes over.
void write_commands(const ModelReport& report, TextWriter& page) {
  for (std::size_t i = 0; i < report.fits.size(); ++i) {
    const Fit& fit = report.fits[i];
    if (fit.command.empty()) continue;
    const auto same = [&](const Fit& other) { return other.command == fit.command; };
    if (std::any_of(report.fits.begin(), report.fits.begin() + static_cast<std::ptrdiff_t>(i), same)) continue;
    const std::string aside =
        report.fits.size() > 1 ? fmt::format("   # {}", page.safe(device_label(fit.device))) : std::string();
    page.line("  " + shell_escaped(fit.command, page.style().unicode) + aside);
  }
}

}  // namespace

std::size_t errors_on_top(const Model& model) {
  const auto errors = std::ranges::count(model.findings, Severity::Error, &Finding::severity);
  return std::min(static_cast<std::size_t>(errors), kErrorsOnTop);
}

void write_finding(const Finding& finding, const Model& model, TextWriter& page) {
  static constexpr std::array<std::optional<Color>, 3> kColors{std::nullopt, Color::Yellow, Color::Red};
  const auto color = kColors[static_cast<std::size_t>(finding.severity)];
  page.paragraph(page.label(severity_name(finding.severity), color), page.safe(finding_text(finding, model)));
}

void write_title(const Model& model, bool show_path, TextWriter& page) {
  const bool path = show_path && !model.checkpoint.files.empty();
  std::vector<std::string> facts;
  if (std::string type = quantization_title(model); !type.empty()) facts.push_back(std::move(type));
  if (model.total_parameters > 0 || !model.parameters_known) facts.push_back(parameters_fact(model));
  if (model.weight_bytes > 0) facts.push_back(human_bytes(model.weight_bytes));
  write_title_line(page.safe(path ? model.checkpoint.path : model.checkpoint.name), facts, page);
}

void write_device_lines(const std::vector<DeviceRow>& devices, TextWriter& page) {
  std::vector<std::vector<std::string>> rows;
  for (const DeviceRow& row : devices) {
    const std::string_view verdict = verdict_name(row.fit->verdict);
    rows.push_back({page.safe(row.label), page.colored(verdict, *color_of(verdict)), figures(*row.fit, page)});
  }
  const std::vector<std::string> lines = aligned(rows, "llr");
  std::size_t widest = 0;
  for (const std::string& line : lines) widest = std::max(widest, display_width(line));
  const std::size_t column = 2 + widest + 3;
  const bool beside = column + kLeastRoom <= page.width();
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const std::string line = "  " + lines[i];
    const std::string words =
        page.safe(page.style().verbose ? reason_text(*devices[i].fit) : answer_text(*devices[i].fit));
    if (words.empty()) {
      page.line(line);
    } else if (beside) {
      page.paragraph(line + std::string(column - display_width(line), ' '), words);
    } else {
      page.line(line);
      page.paragraph("      ", words);
    }
  }
  if (!page.style().quiet && !page.style().verbose) write_hosts(devices, page);
}

void write_answer(const ModelReport& report, bool show_path, TextWriter& page) {
  const bool alone = page.style().quiet && !show_path && !report.fits.empty();
  if (!alone) write_title(report.model, show_path, page);
  if (!page.style().quiet) write_faults(report.model, page);
  write_no_verdict(report.model, page);
  std::vector<DeviceRow> rows;
  for (const Fit& fit : report.fits) {
    if (report.common_devices && fit.verdict == Verdict::Broken) continue;  // it is the same on all of them
    rows.push_back({device_label(fit.device), &fit});
  }
  write_device_lines(rows, page);
  if (page.style().quiet) return;
  if (const std::string note = need_note(report); !note.empty()) page.paragraph("  ", page.safe(note));
  write_commands(report, page);
}

void write_pipeline(const PipelineReport& report, TextWriter& page) {
  if (!page.style().quiet || report.at_once.empty()) {
    write_title_line(page.safe(report.name), {pipeline_kind_text(report)}, page);
    if (!report.missing.empty()) page.paragraph(page.label("INCOMPLETE", Color::Red), page.safe(missing_text(report)));
  }
  write_device_lines(device_rows(report), page);
  if (page.style().quiet) return;
  for (const SummaryLine& line : summary_lines(report)) page.paragraph(page.label(line.label), page.safe(line.text));
}

}  // namespace weigh::core
