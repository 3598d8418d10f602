// A log of an engine beside weigh's figures.
#include "src/report/verification.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "formats/checked.h"
#include "src/memory/memory.h"
#include "src/report/json.h"
#include "src/report/text_writer.h"

namespace weigh::core {
namespace {

constexpr std::size_t kPartWidth = 21;
constexpr std::size_t kDeviceWidth = 13;

std::string ratio_text(std::int64_t value) { return fmt::format("{:.2f}x", static_cast<double>(value) / 10'000); }

/// With the digits that the engine prints, so that a line of the log is found again.
std::string size_text(std::uint64_t bytes, bool in_gib) {
  const std::uint64_t unit = in_gib ? kGiB : kMiB;
  const std::uint64_t hundredths = scaled(bytes, 100, unit) + (scaled(bytes, 200, unit) % 2);  // to the nearest
  return fmt::format("{}.{:02} {}", grouped(hundredths / 100), hundredths % 100, in_gib ? "GiB" : "MiB");
}

std::string shown(std::int64_t value, LogPart part, Engine engine, bool exact) {
  const LogUnit unit = traits_of(part).unit;
  if (unit == LogUnit::Ratio) return ratio_text(value);
  const auto size = static_cast<std::uint64_t>(value < 0 ? -value : value);
  std::string text = grouped(size);
  if (unit == LogUnit::Memory && !exact) text = size_text(size, engine == Engine::Vllm || part == LogPart::File);
  if (part == LogPart::Parameters && !exact) text = human_parameters(size);
  return value < 0 ? "-" + text : text;
}

std::string error_text(const VerifiedRow& row) {
  const auto error = row.error();
  if (!row.weigh) return "not counted";
  if (!error) return "off";
  constexpr double kMost = 9999;
  if (std::abs(*error) > kMost) return *error > 0 ? "> 9999 %" : "< -9999 %";
  // What is off is never shown as if it were not.
  if (std::abs(*error) < 0.05 && *error != 0) return *error > 0 ? "+0.1 %" : "-0.1 %";
  return *error == 0 ? "0.0 %" : fmt::format("{:+.1f} %", *error);
}

std::string padded(std::string text, std::size_t width) {
  const std::size_t wide = display_width(text);
  return wide < width ? text + std::string(width - wide, ' ') : text;
}

std::string table_line(std::string_view part, std::string_view device, std::string_view engine, std::string_view weigh,
                       std::string_view error) {
  return fmt::format("  {} {} {:>14} {:>14} {:>11}", padded(std::string(part), kPartWidth),
                     padded(std::string(device), kDeviceWidth), engine, weigh, error);
}

void write_rows(const Verification& verification, const VerifiedRun& run, TextWriter& page) {
  const bool exact = page.style().verbose;
  page.line(table_line("part", "device", traits_of(verification.engine).title, "weigh", "error"));
  for (const VerifiedRow& row : run.rows) {
    const std::string line =
        table_line(traits_of(row.part).name, cut_middle(page.safe(row.device), kDeviceWidth, page.style().unicode),
                   shown(row.engine.value, row.part, verification.engine, exact),
                   row.weigh ? shown(*row.weigh, row.part, verification.engine, exact) : "", error_text(row));
    page.line(row.agrees() ? line : page.colored(line, Color::Yellow));
  }
}

// One line for each rule that was off, with the parts that it is of.
void write_rules(const VerifiedRun& run, TextWriter& page) {
  std::vector<std::string> said;
  for (const VerifiedRow& row : run.rows) {
    if (row.agrees() || !row.weigh) continue;
    std::string line =
        fmt::format("{}{}{}: off by {}, rule {}, {}", traits_of(row.part).name, row.device.empty() ? "" : " of ",
                    page.safe(row.device), error_text(row), row.rule, row.rule_name);
    if (std::ranges::find(said, line) != said.end()) continue;
    page.paragraph("  ", line);
    said.push_back(std::move(line));
  }
}

void write_run(const Verification& verification, const VerifiedRun& run, TextWriter& page) {
  page.paragraph("", page.safe(run.model));
  if (!run.settings.empty()) page.paragraph("  ", page.safe(run.settings));
  if (!run.assumptions.empty()) {
    page.paragraph("  assumed: ", page.safe(fmt::format("{}", fmt::join(run.assumptions, "; "))));
  }
  if (!run.rows.empty()) write_rows(verification, run, page);
  write_rules(run, page);
  if (!run.engine_error.empty()) page.paragraph("  engine: ", page.safe(run.engine_error));
  if (!run.weigh_error.empty()) page.paragraph("  weigh:  ", page.safe(run.weigh_error));
  page.line();
}

struct Tally {
  std::size_t figures = 0;
  std::size_t off = 0;
  std::size_t uncounted = 0;
  const VerifiedRow* worst = nullptr;
};

Tally tally(const Verification& verification) {
  Tally all;
  for (const VerifiedRun& run : verification.runs) {
    for (const VerifiedRow& row : run.rows) {
      ++all.figures;
      if (!row.weigh) ++all.uncounted;
      if (!row.weigh || row.agrees()) continue;
      ++all.off;
      const auto size = [](const VerifiedRow* r) { return std::abs(r->error().value_or(100)); };
      if (all.worst == nullptr || size(&row) > size(all.worst)) all.worst = &row;
    }
  }
  return all;
}

void write_sum(const Verification& verification, TextWriter& page) {
  const Tally all = tally(verification);
  std::string text = fmt::format("{} in {}", counted(all.figures, "figure"), counted(verification.runs.size(), "run"));
  if (all.off == 0 && all.uncounted < all.figures)
    text += all.uncounted == 0 ? ": all agree" : ": what is counted agrees";
  if (all.worst != nullptr) {
    text += fmt::format(", {} off: the most is {}{}{}, {}", all.off, traits_of(all.worst->part).name,
                        all.worst->device.empty() ? "" : " of ", page.safe(all.worst->device), error_text(*all.worst));
  }
  if (all.uncounted != 0) text += fmt::format("; {} not counted by weigh", all.uncounted);
  if (verification.left_out) text += "; the log has more models, runs or figures than are compared";
  page.paragraph("", text);
}

void write_text(const Verification& verification, const Style& style, std::ostream& out) {
  TextWriter page(style, out);
  if (!style.quiet) {
    const std::string version = verification.version.empty() ? "" : " " + page.safe(verification.version);
    const bool llama = verification.engine == Engine::LlamaCpp;
    page.paragraph("",
                   fmt::format("{}: {}{}{}", page.safe(verification.log), traits_of(verification.engine).title, version,
                               llama ? fmt::format("; weigh {}'s rules are of {}", WEIGH_VERSION, kRuleSet)
                                     : fmt::format("; weigh {}", WEIGH_VERSION)));
    page.line();
    for (const VerifiedRun& run : verification.runs) write_run(verification, run, page);
  }
  write_sum(verification, page);
}

Json row_json(const VerifiedRow& row, const VerifiedRun& run, std::size_t number, JsonText& text) {
  const LogUnit unit = traits_of(row.part).unit;
  const bool bytes = unit == LogUnit::Memory;
  const Json engine =
      unit == LogUnit::Ratio ? Json(static_cast<double>(row.engine.value) / 10'000) : Json(row.engine.value);
  Json weigh;
  if (row.weigh) weigh = unit == LogUnit::Ratio ? Json(static_cast<double>(*row.weigh) / 10'000) : Json(*row.weigh);
  const auto error = row.error();
  return {{"part", traits_of(row.part).name},
          {"device", row.device.empty() ? Json() : text(row.device)},
          {"engine_bytes", bytes ? engine : Json()},
          {"weigh_bytes", bytes ? weigh : Json()},
          {"error", error ? Json(*error) : Json()},
          {"rule", row.rule},
          {"unit", unit_name(unit)},
          {"engine_value", engine},
          {"weigh_value", weigh},
          {"agrees", row.agrees()},
          {"model", text(run.model)},
          {"run", number}};
}

Json run_json(const VerifiedRun& run, JsonText& text) {
  Json assumptions = Json::array();
  for (const std::string& assumption : run.assumptions) assumptions.push_back(text(assumption));
  return {{"model", text(run.model)},
          {"settings", text(run.settings)},
          {"assumptions", std::move(assumptions)},
          {"engine_error", run.engine_error.empty() ? Json() : text(run.engine_error)},
          {"weigh_error", run.weigh_error.empty() ? Json() : text(run.weigh_error)}};
}

void write_json(const Verification& verification, std::ostream& out) {
  JsonText text;
  Json runs = Json::array();
  Json rows = Json::array();
  bool one_model = !verification.runs.empty();
  for (const VerifiedRun& run : verification.runs) {
    one_model = one_model && run.model == verification.runs.front().model;
    for (const VerifiedRow& row : run.rows) rows.push_back(row_json(row, run, runs.size(), text));
    runs.push_back(run_json(run, text));
  }
  Json document{{"schema", "weigh.verify/1"},
                {"engine", engine_name(verification.engine)},
                {"model", one_model ? text(verification.runs.front().model) : Json()},
                {"rows", std::move(rows)},
                {"log", text(verification.log)},
                {"engine_version", verification.version.empty() ? Json() : text(verification.version)},
                {"runs", std::move(runs)},
                {"errors", failures_json(verification.errors)}};
  if (Json finding = text.finding(); !finding.is_null()) document["findings"] = Json::array({std::move(finding)});
  write_document(document, out);
}

}  // namespace

void write_verification(const Verification& verification, std::string_view format, const Style& style,
                        std::ostream& out) {
  if (format == "json") return write_json(verification, out);
  if (!verification.runs.empty()) write_text(verification, style, out);
}

}  // namespace weigh::core
