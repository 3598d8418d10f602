// Many models, one row each: the list of `weigh scan`.
#include "src/report/scan.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "formats/checked.h"
#include "src/model/kind.h"
#include "src/report/json_value.h"
#include "src/report/scan_lines.h"
#include "src/report/summary.h"
#include "src/report/table.h"
#include "src/report/text_writer.h"
#include "src/scan/copies.h"

namespace weigh::core {
namespace {

constexpr std::size_t kGroupsShown = 8;  // --verbose shows all

std::vector<ScanRow> rows_of(const ScanListing& listing) {
  std::vector<ScanRow> rows;
  for (const StoredModel& model : listing.models) rows.push_back(model.row);
  return rows;
}

struct Totals {
  std::uint64_t models = 0;
  std::map<std::string, std::uint64_t> others;  // by kind: what is no model by itself
  SaturatingSum parameters;                     // of the models, as far as they are known
  std::uint64_t unknown = 0;                    // models whose parameters are not
  SaturatingSum weight_bytes;
  SaturatingSum file_bytes;
  SaturatingSum files;
  std::uint64_t snapshots = 0;
  std::uint64_t reclaimable = 0;
};

Totals totals_of(const std::vector<ScanRow>& rows, const std::vector<CopyGroup>& copies) {
  Totals totals;
  for (const ScanRow& row : rows) {
    if (runs_alone(row.kind)) {
      ++totals.models;
      totals.parameters.add(row.parameters.value_or(0));
      totals.unknown += row.parameters ? 0 : 1;
    } else {
      ++totals.others[row.kind];
    }
    totals.weight_bytes.add(row.weight_bytes);
    totals.files.add(row.files);
    totals.snapshots += row.header_only ? 1 : 0;
    if (!row.header_only) totals.file_bytes.add(row.file_bytes);
  }
  SaturatingSum reclaimable;
  for (const CopyGroup& group : copies) reclaimable.add(group.reclaimable_bytes);
  totals.reclaimable = reclaimable.value;
  return totals;
}

// The sum of what is known; nothing where no model's parameters are.
std::optional<std::uint64_t> known_sum(const Totals& totals) {
  const bool none = totals.unknown != 0 && totals.unknown == totals.models;
  return none ? std::nullopt : std::optional(totals.parameters.value);
}

Cell verdict_on(const ScanRow& row, const std::string& device) {
  if (!runs_alone(row.kind)) return {};
  const auto found = std::ranges::find(row.verdicts, device, &std::pair<std::string, std::string>::first);
  return Cell(found == row.verdicts.end() ? "?" : found->second);
}

std::string findings_text(const ScanRow& row) {
  std::string text;
  if (row.errors != 0) text = counted(row.errors, "error");
  if (row.warnings != 0) text += (text.empty() ? "" : ", ") + counted(row.warnings, "warning");
  return text;
}

// What is no model is named for what it is.
Cell architecture_cell(const ScanRow& row) {
  if (!runs_alone(row.kind)) return Cell(row.kind);
  return row.architecture.empty() ? Cell() : Cell(row.architecture);
}

Cell quantization_cell(const ScanRow& row) { return row.quantization.empty() ? Cell() : Cell(row.quantization); }

/// A column of the list; the tabular formats have all that they have a name for, in this order.
struct ScanColumn {
  std::string_view machine;  ///< what machine formats call it; empty: for people only
  Column column;
  Cell (*value)(const ScanRow&);
  bool for_people;  ///< in the text as well
};

// clang-format off
constexpr std::array kColumns{
    ScanColumn{"name", {"name"}, [](const ScanRow& r) { return Cell(r.name); }, true},
    ScanColumn{"path", {"path"}, [](const ScanRow& r) { return Cell(r.path); }, false},
    ScanColumn{"store", {"store"}, [](const ScanRow& r) { return r.store.empty() ? Cell() : Cell(r.store); }, false},
    ScanColumn{"format", {"format"}, [](const ScanRow& r) { return Cell(r.format); }, false},
    ScanColumn{"architecture", {"architecture"}, architecture_cell, true},
    ScanColumn{"dtype", {"dtype"}, [](const ScanRow& r) { return r.dtype.empty() ? Cell() : Cell(r.dtype); }, false},
    ScanColumn{"", {"quant"}, quantization_cell, true},
    ScanColumn{"parameters", {"parameters", Unit::Parameters}, [](const ScanRow& r) { return cell(r.parameters); }, true},
    ScanColumn{"active_parameters", {"active", Unit::Parameters}, [](const ScanRow& r) { return cell(r.active); }, true},
    ScanColumn{"bits_per_weight", {"bits", Unit::Count}, [](const ScanRow& r) { return cell(r.bits_per_weight); }, true},
    ScanColumn{"file_bytes", {"size", Unit::Size}, [](const ScanRow& r) { return Cell(r.file_bytes); }, true},
    ScanColumn{"weight_bytes", {"weight_bytes", Unit::Size}, [](const ScanRow& r) { return Cell(r.weight_bytes); }, false},
    ScanColumn{"files", {"files", Unit::Count}, [](const ScanRow& r) { return Cell(r.files); }, false},
    ScanColumn{"errors", {"errors", Unit::Count}, [](const ScanRow& r) { return Cell(r.errors); }, false},
    ScanColumn{"warnings", {"warnings", Unit::Count}, [](const ScanRow& r) { return Cell(r.warnings); }, false},
    ScanColumn{"kind", {"kind"}, [](const ScanRow& r) { return r.kind.empty() ? Cell() : Cell(r.kind); }, false},
    ScanColumn{"quantization_name", {""}, quantization_cell, false},
};
// clang-format on

Table table_of(const ScanListing& listing, bool for_people) {
  Table table;
  const auto shows = [&](const ScanColumn& column) { return for_people ? column.for_people : !column.machine.empty(); };
  for (const ScanColumn& column : kColumns) {
    if (!shows(column)) continue;
    table.columns.push_back(column.column);
    if (!for_people) table.columns.back().name = column.machine;
  }
  for (const std::string& device : listing.devices) table.columns.push_back({device, Unit::Verdict});
  const bool findings = for_people && std::ranges::any_of(listing.models, [](const StoredModel& model) {
                          return model.row.errors + model.row.warnings != 0;
                        });
  if (findings) table.columns.push_back({"findings"});
  for (const StoredModel& model : listing.models) {
    auto& cells = table.rows.emplace_back();
    for (const ScanColumn& column : kColumns) {
      if (!shows(column)) continue;
      const bool unknown = for_people && column.column.unit == Unit::Parameters && !model.row.parameters;
      cells.push_back(unknown ? Cell("unknown") : column.value(model.row));
    }
    for (const std::string& device : listing.devices) cells.push_back(verdict_on(model.row, device));
    if (findings) cells.emplace_back(findings_text(model.row));
  }
  return table;
}

void drop_column(Table& table, std::string_view name) {
  const auto found = std::ranges::find(table.columns, name, &Column::name);
  if (found == table.columns.end()) return;
  const auto index = found - table.columns.begin();
  table.columns.erase(found);
  for (auto& row : table.rows) row.erase(row.begin() + index);
}

/// For a terminal without the columns that do not fit, the least telling first.
Table fitting_table(const ScanListing& listing, const Style& style) {
  Table table = table_of(listing, true);
  for (const std::string_view name : {"active", "bits", "architecture", "findings", "quant", "parameters"}) {
    if (!style.terminal || least_width(table, style, style.verbose) <= style.width) break;
    drop_column(table, name);
  }
  return table;
}

std::string_view likeness_text(Likeness likeness) {
  static constexpr std::array<std::string_view, 4> kTexts{
      "alike in names, types and shapes, with other metadata", "alike in their whole headers and sizes",
      "the same weights, byte by byte, with other metadata", "the same file, byte by byte"};
  return kTexts[static_cast<std::size_t>(likeness)];
}

void write_copies(const std::vector<ScanRow>& rows, const std::vector<CopyGroup>& copies, std::uint64_t reclaimable,
                  TextWriter& page) {
  if (copies.empty()) return;
  const bool read =
      std::ranges::any_of(copies, [](const CopyGroup& group) { return group.likeness > Likeness::Header; });
  page.line();
  std::string words = counted(copies.size(), "group");
  if (reclaimable != 0) words += fmt::format(", {} to be won back", human_bytes(reclaimable));
  if (!read) words += "; judged by headers, --deep compares the weights";
  page.paragraph(page.label("copies"), words);
  const std::size_t shown = page.style().verbose ? copies.size() : std::min(copies.size(), kGroupsShown);
  for (std::size_t i = 0; i < shown; ++i) {
    const CopyGroup& group = copies[i];
    std::string head = fmt::format("{} models {}", group.rows.size(), likeness_text(group.likeness));
    if (group.reclaimable_bytes != 0) head += fmt::format(", {}", human_bytes(group.reclaimable_bytes));
    page.line("    " + head);
    for (const std::size_t row : group.rows) page.line("      " + page.safe(rows[row].path));
  }
  if (shown < copies.size()) {
    page.line(fmt::format("    and {} (--verbose shows all)", counted(copies.size() - shown, "more group")));
  }
}

void write_text_scan(const ScanListing& listing, const Style& style, std::ostream& out) {
  TextWriter page(style, out);
  const std::vector<ScanRow> rows = rows_of(listing);
  const std::vector<CopyGroup> copies = find_copies(rows);
  const Totals totals = totals_of(rows, copies);
  if (!style.quiet && !rows.empty()) {
    write_text_table(fitting_table(listing, style), style, style.verbose, out);
    page.line();
  }
  std::string sum =
      fmt::format("{}, {} in {}, {} parameters", counted(totals.models, "model"), human_bytes(totals.file_bytes.value),
                  counted(totals.files.value, "file"), human_parameters(known_sum(totals)));
  if (totals.unknown != 0 && known_sum(totals))
    sum += fmt::format(", those of {} unknown", counted(totals.unknown, "model"));
  std::string_view lead = "; no models: ";
  for (const auto& [kind, count] : totals.others) {
    sum += fmt::format("{}{} {}", std::exchange(lead, ", "), grouped(count), kind);
  }
  if (totals.snapshots != 0)
    sum += fmt::format("; {} of them header-only snapshots, whose weights lie elsewhere", grouped(totals.snapshots));
  if (listing.filtered != 0) sum += fmt::format("; {} left out by the filters", counted(listing.filtered, "model"));
  if (listing.links != 0) sum += fmt::format("; {} to files that are counted already", counted(listing.links, "link"));
  if (!listing.errors.empty()) sum += fmt::format("; {} not read", counted(listing.errors.size(), "path"));
  page.paragraph(page.label("in all"), sum);
  if (!style.quiet) write_copies(rows, copies, totals.reclaimable, page);
  if (listing.errors.empty() || listing.errors_reported || style.quiet) return;
  page.line();
  std::string label = page.label("not read", Color::Red);
  for (const Failure& failure : listing.errors) {
    page.paragraph(label, failure_line(failure));
    label = page.label("");
  }
}

Json copies_json(const std::vector<ScanRow>& rows, const std::vector<CopyGroup>& copies, JsonText& text) {
  Json result = Json::array();
  for (const CopyGroup& group : copies) {
    Json paths = Json::array();
    for (const std::size_t row : group.rows) paths.push_back(text(rows[row].path));
    result.push_back({{"same", likeness_name(group.likeness)},
                      {"paths", std::move(paths)},
                      {"reclaimable_bytes", group.reclaimable_bytes}});
  }
  return result;
}

// The models are lines already: they are put into the document as they are.
void write_json_scan(const ScanListing& listing, std::ostream& out) {
  const std::vector<ScanRow> rows = rows_of(listing);
  const std::vector<CopyGroup> copies = find_copies(rows);
  const Totals totals = totals_of(rows, copies);
  JsonText text;
  out << "{\n  \"schema\": \"weigh.inspect/2\",\n  \"tool\": "
      << dumped(Json{{"name", "weigh"}, {"version", WEIGH_VERSION}}) << ",\n  \"models\": [";
  for (std::size_t i = 0; i < listing.models.size(); ++i) {
    out << (i > 0 ? ",\n    " : "\n    ") << without_schema(listing.models[i].line);
  }
  out << (listing.models.empty() ? "]" : "\n  ]");
  out << ",\n  \"errors\": " << dumped(failures_json(listing.errors)) << ",\n  \"totals\": "
      << dumped(Json{{"models", totals.models},
                     {"others", totals.others},
                     {"files", totals.files.value},
                     {"parameters", json_or_null(known_sum(totals))},
                     {"parameters_unknown", totals.unknown},
                     {"weight_bytes", totals.weight_bytes.value},
                     {"file_bytes", totals.file_bytes.value},
                     {"header_only", totals.snapshots},
                     {"links", listing.links},
                     {"left_out", listing.filtered},
                     {"reclaimable_bytes", totals.reclaimable},
                     {"copies", copies_json(rows, copies, text)}})
      << "\n}\n";
}

}  // namespace

void write_scan(const ScanListing& listing, std::string_view format, const Style& style, std::ostream& out) {
  if (format == "json") return write_json_scan(listing, out);
  if (format == "jsonl") {
    for (const StoredModel& model : listing.models) out << model.line << '\n';
    for (const Failure& failure : listing.errors) out << failure_json_line(failure) << '\n';
    return;
  }
  if (format == "text") return write_text_scan(listing, style, out);
  const Table table = table_of(listing, false);
  if (format == "csv") return write_csv_table(table, out);
  write_markdown_table(table, out);
}

}  // namespace weigh::core
