// What `weigh audit` found, for people and as JSON.
#include "src/report/audit.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "src/report/json.h"
#include "src/report/text_writer.h"

namespace weigh::core {
namespace {

constexpr std::size_t kNotesShown = 4;  // --verbose shows all

std::size_t count_of(const Audit& audit, Severity severity) {
  return static_cast<std::size_t>(std::ranges::count(audit.findings, severity, &Finding::severity));
}

std::string summary(const Audit& audit, const TextWriter& page) {
  const std::string checks = counted(audit.checks_run.size(), "check");
  if (audit.findings.empty()) return checks + ", " + page.colored("nothing found", Color::Green);
  std::string text = checks;
  for (const auto& [severity, color] :
       {std::pair{Severity::Error, Color::Red}, {Severity::Warning, Color::Yellow}, {Severity::Note, Color::Bold}}) {
    const std::size_t count = count_of(audit, severity);
    if (count == 0) continue;
    const std::string words = counted(count, severity_name(severity));
    text += ", " + (severity == Severity::Note ? words : page.colored(words, color));
  }
  return text;
}

void write_finding(const Finding& finding, const Audit& audit, TextWriter& page) {
  static constexpr std::array<std::optional<Color>, 3> kColors{std::nullopt, Color::Yellow, Color::Red};
  std::string text(name_of(finding.code));
  text += ": ";
  // The sentences of most checks name their file already.
  const bool one_file = audit.files.size() <= 1 && !finding.file.empty() &&
                        (audit.files.empty() || audit.files.front().ends_with(finding.file));
  if (!finding.file.empty() && !one_file && finding.message.find(finding.file) == std::string::npos) {
    text += finding.file + ": ";
  }
  if (finding.offset) text += fmt::format("byte {:#x}: ", *finding.offset);
  text += finding.message;
  page.paragraph(page.label(severity_name(finding.severity), kColors[static_cast<std::size_t>(finding.severity)]),
                 page.safe(text));
}

void write_audit(const Audit& audit, TextWriter& page) {
  std::string name = page.safe(audit.path);
  if (page.style().terminal) name = cut_middle(name, page.width(), page.style().unicode);
  page.line(page.colored(name, Color::Bold));
  std::size_t notes = 0;
  for (const Finding& finding : audit.findings) {
    if (finding.severity == Severity::Note &&
        (page.style().quiet || (++notes > kNotesShown && !page.style().verbose))) {
      continue;
    }
    write_finding(finding, audit, page);
  }
  if (page.style().quiet) return;
  if (notes > kNotesShown && !page.style().verbose) {
    page.line(fmt::format("  and {} (--verbose shows all)", counted(notes - kNotesShown, "more note")));
  }
  page.line("  " + summary(audit, page));
}

void write_text(const std::vector<Audit>& audits, const Style& style, std::ostream& out) {
  TextWriter page(style, out);
  bool first = true;
  for (const Audit& audit : audits) {
    const bool said = count_of(audit, Severity::Error) + count_of(audit, Severity::Warning) > 0;
    if (style.quiet && !said) continue;
    if (!first) page.line();
    first = false;
    write_audit(audit, page);
  }
}

Json audit_json(const Audit& audit) {
  JsonText text;
  Json files = Json::array();
  for (const std::string& file : audit.files) files.push_back(text(file));
  Json findings = Json::array();
  for (const Finding& finding : audit.findings) findings.push_back(finding_json(finding, text));
  return {{"path", text(audit.path)},
          {"files", std::move(files)},
          {"checks_run", audit.checks_run},
          {"findings", std::move(findings)}};
}

}  // namespace

void write_audits(const std::vector<Audit>& audits, std::string_view format, const Style& style, std::ostream& out) {
  if (format == "sarif") return write_sarif(audits, out);
  if (format == "text") return write_text(audits, style, out);
  Json rows = Json::array();
  for (const Audit& audit : audits) rows.push_back(audit_json(audit));
  write_document({{"schema", "weigh.audit/1"}, {"audits", std::move(rows)}}, out);
}

}  // namespace weigh::core
