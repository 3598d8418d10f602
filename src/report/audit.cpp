// What `weigh audit` found, for people and as JSON.
#include "src/report/audit.h"

#include <fmt/format.h>

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
  const std::string aside = audit.accepted.empty() ? "" : fmt::format(", {} accepted", grouped(audit.accepted.size()));
  if (audit.findings.empty()) {
    return checks + ", " + page.colored(aside.empty() ? "nothing found" : "nothing else found", Color::Green) + aside;
  }
  std::string text = checks;
  for (const auto& [severity, color] :
       {std::pair{Severity::Error, Color::Red}, {Severity::Warning, Color::Yellow}, {Severity::Note, Color::Bold}}) {
    const std::size_t count = count_of(audit, severity);
    if (count == 0) continue;
    const std::string words = counted(count, severity_name(severity));
    text += ", " + (severity == Severity::Note ? words : page.colored(words, color));
  }
  return text + aside;
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

/// Over all audits.
struct AuditTotals {
  std::size_t audits = 0;
  std::size_t errors = 0;
  std::size_t warnings = 0;
  std::size_t notes = 0;
  std::size_t accepted = 0;
  std::size_t with_errors = 0;    ///< audits
  std::size_t with_warnings = 0;  ///< audits with warnings and no errors
};

AuditTotals totals_of(const std::vector<Audit>& audits) {
  AuditTotals totals;
  totals.audits = audits.size();
  for (const Audit& audit : audits) {
    const std::size_t errors = count_of(audit, Severity::Error);
    const std::size_t warnings = count_of(audit, Severity::Warning);
    totals.errors += errors;
    totals.warnings += warnings;
    totals.notes += count_of(audit, Severity::Note);
    totals.accepted += audit.accepted.size();
    totals.with_errors += errors > 0 ? 1 : 0;
    totals.with_warnings += errors == 0 && warnings > 0 ? 1 : 0;
  }
  return totals;
}

/// "12 audits: 2 with 3 errors, 1 with warnings alone, 9 clean; 4 warnings in all; 2 findings accepted"
std::string totals_text(const AuditTotals& totals) {
  const std::size_t clean = totals.audits - totals.with_errors - totals.with_warnings;
  std::vector<std::string> kinds;
  if (totals.with_errors > 0) {
    kinds.push_back(fmt::format("{} with {}", grouped(totals.with_errors), counted(totals.errors, "error")));
  }
  if (totals.with_warnings > 0) kinds.push_back(grouped(totals.with_warnings) + " with warnings alone");
  if (clean > 0) kinds.push_back(grouped(clean) + " clean");
  std::string text = fmt::format("{}: {}", counted(totals.audits, "audit"), fmt::join(kinds, ", "));
  if (totals.warnings > 0) text += fmt::format("; {} in all", counted(totals.warnings, "warning"));
  if (totals.accepted > 0) text += fmt::format("; {} accepted", counted(totals.accepted, "finding"));
  return text;
}

/// What a clean report promises, and what it does not.
void write_scope(const AuditListing& listing, TextWriter& page) {
  page.paragraph(page.label("checked"), listing.deep
                                            ? "every byte: complete, consistent, safe to load"
                                            : "headers, names and small files: complete, consistent, safe to load");
  page.paragraph(page.label("not checked"),
                 listing.deep ? "what the weights make a model do, and who made it"
                              : "tensor data (--deep: digests, NaN, zeros), and what the weights make a model do");
}

void write_text(const AuditListing& listing, const Style& style, std::ostream& out) {
  const std::vector<Audit>& audits = listing.audits;
  TextWriter page(style, out);
  bool first = true;
  for (const Audit& audit : audits) {
    const bool said = count_of(audit, Severity::Error) + count_of(audit, Severity::Warning) > 0;
    if (style.quiet && !said) continue;
    if (!first) page.line();
    first = false;
    write_audit(audit, page);
  }
  if (style.quiet || audits.empty()) return;
  page.line();
  if (audits.size() > 1) page.paragraph(page.label("total"), totals_text(totals_of(audits)));
  write_scope(listing, page);
}

Json audit_json(const Audit& audit) {
  JsonText text;
  Json files = Json::array();
  for (const std::string& file : audit.files) files.push_back(text(file));
  Json findings = Json::array();
  for (const Finding& finding : audit.findings) findings.push_back(finding_json(finding, text));
  Json accepted = Json::array();
  for (const Finding& finding : audit.accepted) accepted.push_back(finding_json(finding, text));
  return {{"path", text(audit.path)},
          {"files", std::move(files)},
          {"checks_run", audit.checks_run},
          {"findings", std::move(findings)},
          {"accepted", std::move(accepted)}};
}

}  // namespace

void write_audits(const AuditListing& listing, std::string_view format, const Style& style, std::ostream& out) {
  const std::vector<Audit>& audits = listing.audits;
  if (format == "sarif") return write_sarif(audits, out);
  if (format == "text") return write_text(listing, style, out);
  Json rows = Json::array();
  for (const Audit& audit : audits) rows.push_back(audit_json(audit));
  const AuditTotals totals = totals_of(audits);
  write_document({{"schema", "weigh.audit/1"},
                  {"deep", listing.deep},
                  {"audits", std::move(rows)},
                  {"totals",
                   {{"audits", totals.audits},
                    {"errors", totals.errors},
                    {"warnings", totals.warnings},
                    {"notes", totals.notes},
                    {"accepted", totals.accepted}}}},
                 out);
}

}  // namespace weigh::core
