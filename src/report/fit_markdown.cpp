// The report of `weigh fit` to paste into an issue or a model card: one section for each device.

#include <fmt/format.h>

#include "src/fit/companions.h"
#include "src/report/escape.h"
#include "src/report/fit_words.h"
#include "src/report/summary.h"
#include "src/report/table.h"
#include "src/report/text_format.h"
#include "src/report/writers.h"

namespace weigh::core {
namespace {

std::string size_text(const Bytes& bytes, bool exact) {
  if (!bytes) return "not known";
  return exact ? grouped(*bytes) : human_bytes(*bytes);
}

void write_parts(const Fit& fit, bool exact, std::ostream& out) {
  Table table{{{"part"}, {exact ? "bytes" : "size"}}, {}};
  const auto add = [&](std::string_view name, const Bytes& bytes) {
    table.rows.push_back({std::string(name), size_text(bytes, exact)});
  };
  for (const auto& [name, bytes, part] : parts_of(fit)) {
    if (bytes != 0U) add(name, bytes);
  }
  add("need", fit.need.total());
  add("safe", fit.budget_bytes);
  add("limit", fit.limit_bytes);
  add("memory", fit.memory_bytes);
  out << '\n';
  write_markdown_table(table, out);
}

void write_placement(const Placement& plan, bool exact, std::ostream& out) {
  Table table{
      {{"where"}, {"layers"}, {"weights"}, {"KV cache"}, {"state"}, {"compute"}, {"overhead"}, {"sum"}, {"safe"}}, {}};
  const auto add = [&](const PlacedPart& placed) {
    auto& row = table.rows.emplace_back();
    row.emplace_back(placed.device);
    row.emplace_back(grouped(placed.layers) + (placed.output ? " and output" : ""));
    for (const auto& [name, part] : kShownParts) row.emplace_back(size_text(placed.need.*part, exact));
    row.emplace_back(size_text(placed.need.total(), exact));
    row.emplace_back(size_text(placed.budget_bytes, exact));
  };
  for (const PlacedPart& placed : plan.devices) add(placed);
  if (plan.host.need.total() > 0) add(plan.host);
  out << '\n';
  write_markdown_table(table, out);
}

std::string flags_text(const Advice& advice) {
  std::string text;
  for (const std::string& flag : advice.flags) {
    text += (text.empty() ? "" : " ") + (flag.find(' ') == std::string::npos ? flag : "\"" + flag + "\"");
  }
  return text;
}

/// A code block that its text cannot end: no line of it is a fence.
void write_command(const std::string& command, std::ostream& out) {
  std::string fence = "```";
  while (command.find(fence) != std::string::npos) fence += '`';
  out << '\n' << fence << "sh\n" << shell_escaped(command) << '\n' << fence << '\n';
}

void write_fit(const Fit& fit, bool exact, std::ostream& out) {
  out << "\n#### " << markdown_escaped(device_label(fit.device)) << ": **" << verdict_name(fit.verdict) << "**\n\n"
      << markdown_escaped(words_of(fit, true)) << '\n';
  write_parts(fit, exact, out);
  if (fit.placement) write_placement(*fit.placement, exact, out);
  std::vector<std::string> lines;
  if (fit.training) {
    lines.push_back(fmt::format("training: {}", training_text(*fit.training)));
    if (const std::string text = sharing_text(*fit.training); !text.empty()) lines.push_back("devices: " + text);
    for (const std::string& note : fit.training->assumptions) lines.push_back("assumed: " + note);
    for (const std::string& rule : fit.training->rules) lines.push_back("rule for " + rule);
  }
  if (fit.engine) lines.push_back(fmt::format("engine: {}", engine_name(*fit.engine)));
  if (fit.context) {
    lines.push_back(fmt::format("context: {} tokens in {}", grouped(*fit.context), fit.kv_type));
    if (fit.max_context)
      lines.push_back(fmt::format("largest context that fits: {} tokens", grouped(*fit.max_context)));
  }
  for (const CompanionShare& share : fit.companions) {
    lines.push_back(fmt::format("{}: {}, {}", role_name(share.role), share.name, human_bytes(share.need.total())));
  }
  if (fit.remark != Remark::None) lines.push_back("note: " + remark_text(fit.remark, fit.architecture));
  for (const Advice& advice : fit.advice) {
    lines.push_back(
        fmt::format("advice: {} ({}), {}", advice_text(advice), flags_text(advice), human_bytes(advice.need_bytes)));
  }
  if (!lines.empty()) out << '\n';
  for (const std::string& line : lines) out << "- " << markdown_escaped(line) << '\n';
  if (!fit.command.empty()) write_command(fit.command, out);
}

}  // namespace

void write_fits_markdown(const Report& report, const Style& style, std::ostream& out) {
  for (const ModelReport& model : report.models) {
    if (&model != &report.models.front()) out << '\n';
    out << "### " << markdown_escaped(model.model.checkpoint.name) << "\n\n"
        << markdown_escaped(kind_of(model.model)) << '\n';
    bool first = true;
    for (const Finding& finding : model.model.findings) {
      if (finding.severity != Severity::Error) continue;
      out << (first ? "\n" : "") << "- **error** " << markdown_escaped(finding_text(finding, model.model)) << '\n';
      first = false;
    }
    for (const Fit& fit : model.fits) write_fit(fit, style.verbose, out);
  }
  if (report.pipelines.empty() && report.errors.empty()) return;
  Report rest;
  rest.pipelines = report.pipelines;
  rest.errors = report.errors;
  if (!report.models.empty() && rest.pipelines.empty()) out << '\n';
  write_markdown(rest, style, out);
}

}  // namespace weigh::core
