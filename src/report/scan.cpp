// Many models, one row each: the list of `weigh scan`.
#include "src/report/scan.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "formats/checked.h"
#include "src/checkpoint/local_stores.h"
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
constexpr std::size_t kCopiesShown = 5;  // of one group, likewise

// In the order of the list, which keeps them.
using Rows = std::vector<const ScanRow*>;

Rows rows_of(const ScanListing& listing) {
  Rows rows;
  rows.reserve(listing.models.size());
  for (const StoredModel& model : listing.models) rows.push_back(&model.row);
  return rows;
}

// The rows of each store, those of no store last; stores that have none are left out.
std::vector<std::pair<Store, Rows>> rows_by_store(const Rows& rows) {
  std::vector<std::pair<Store, Rows>> stores;
  for (const Store store : {Store::HuggingFace, Store::Ollama, Store::LmStudio, Store::Folder}) {
    Rows own;
    for (const ScanRow* row : rows) {
      if (row->store == store_name(store)) own.push_back(row);
    }
    if (!own.empty()) stores.emplace_back(store, std::move(own));
  }
  return stores;
}

bool has_stores(const Rows& rows) {
  return std::ranges::any_of(rows, [](const ScanRow* row) { return !row->store.empty(); });
}

// "Hugging Face cache", as a heading has it.
std::string_view heading_of(Store store) {
  if (store == Store::Folder) return "Other folders";
  std::string_view title = store_title(store);
  if (title.starts_with("the ")) title.remove_prefix(4);
  return title;
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

Totals totals_of(const Rows& rows, const std::vector<CopyGroup>& copies = {}) {
  Totals totals;
  for (const ScanRow* listed : rows) {
    const ScanRow& row = *listed;
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
    ScanColumn{"file_bytes", {"size", Unit::Disk}, [](const ScanRow& r) { return Cell(r.file_bytes); }, true},
    ScanColumn{"weight_bytes", {"weight_bytes", Unit::Disk}, [](const ScanRow& r) { return Cell(r.weight_bytes); }, false},
    ScanColumn{"files", {"files", Unit::Count}, [](const ScanRow& r) { return Cell(r.files); }, false},
    ScanColumn{"errors", {"errors", Unit::Count}, [](const ScanRow& r) { return Cell(r.errors); }, false},
    ScanColumn{"warnings", {"warnings", Unit::Count}, [](const ScanRow& r) { return Cell(r.warnings); }, false},
    ScanColumn{"kind", {"kind"}, [](const ScanRow& r) { return r.kind.empty() ? Cell() : Cell(r.kind); }, false},
    ScanColumn{"quantization_name", {""}, quantization_cell, false},
    ScanColumn{"first_error", {"first_error"}, [](const ScanRow& r) { return r.first_error.empty() ? Cell() : Cell(r.first_error); }, false},
};
// clang-format on

// Columns that are there when a filter or an order is about them.
struct TimeColumn {
  std::string_view field;    // "age"
  std::string_view machine;  // the time itself, in seconds since 1970
  std::optional<std::uint64_t> ScanRow::*time;
};
constexpr std::array kTimeColumns{TimeColumn{"age", "modified", &ScanRow::modified},
                                  TimeColumn{"used", "used", &ScanRow::used}};

/// How the list is shown to people.
struct ForPeople {
  std::set<std::string> ambiguous;  // names that several models have
  bool paths = false;               // of all models, not of those alone
  bool stores = false;              // a column of their own
  std::size_t width = 0;            // of a line under a row
  bool unicode = true;
};

std::set<std::string> ambiguous_names(const Rows& rows) {
  std::set<std::string> seen;
  std::set<std::string> ambiguous;
  for (const ScanRow* row : rows) {
    if (!seen.insert(row->name).second) ambiguous.insert(row->name);
  }
  return ambiguous;
}

// Under a row: where the model lies when its name alone does not say which one it is, and its first error.
std::vector<std::string> notes_of(const ScanRow& row, const ForPeople& people) {
  std::vector<std::string> notes;
  if (people.paths || people.ambiguous.contains(row.name)) notes.push_back(escaped(row.path, people.unicode));
  if (row.first_error.empty()) return notes;
  for (std::string& line : wrapped(escaped(row.first_error, people.unicode), people.width)) {
    notes.push_back(std::move(line));
  }
  return notes;
}

bool is_shown(const ScanColumn& column, const ForPeople* people) {
  if (people == nullptr) return !column.machine.empty();
  if (column.for_people) return true;
  return column.machine == "store" && people->stores;
}

bool has_findings(const Rows& rows) {
  return std::ranges::any_of(rows, [](const ScanRow* row) { return row->errors + row->warnings != 0; });
}

void add_cells(const ScanListing& listing, const ScanRow& row, const ForPeople* people, std::vector<Cell>& cells) {
  for (const ScanColumn& column : kColumns) {
    if (!is_shown(column, people)) continue;
    const bool unknown = people != nullptr && column.column.unit == Unit::Parameters && !row.parameters;
    cells.push_back(unknown ? Cell("unknown") : column.value(row));
  }
  for (const TimeColumn& column : kTimeColumns) {
    if (!listing.asked.contains(std::string(column.field))) continue;
    const std::optional<std::uint64_t> time = row.*column.time;
    cells.push_back(people == nullptr || !time ? cell(time) : Cell(age_text(minus(listing.now, *time))));
  }
  for (const std::string& device : listing.devices) cells.push_back(verdict_on(row, device));
}

// All columns for programs, those that people read for `people`.
Table table_of(const ScanListing& listing, const Rows& rows, const ForPeople* people) {
  Table table;
  for (const ScanColumn& column : kColumns) {
    if (!is_shown(column, people)) continue;
    table.columns.push_back(column.column);
    if (people == nullptr) table.columns.back().name = column.machine;
  }
  for (const TimeColumn& column : kTimeColumns) {
    if (!listing.asked.contains(std::string(column.field))) continue;
    table.columns.push_back(
        {people == nullptr ? column.machine : column.field, people == nullptr ? Unit::Count : Unit::Text});
  }
  for (const std::string& device : listing.devices) table.columns.push_back({device, Unit::Verdict});
  const bool findings = people != nullptr && has_findings(rows);
  if (findings) table.columns.push_back({"findings"});
  for (const ScanRow* row : rows) {
    auto& cells = table.rows.emplace_back();
    add_cells(listing, *row, people, cells);
    if (findings) cells.emplace_back(findings_text(*row));
    if (people != nullptr) table.notes.push_back(notes_of(*row, *people));
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
Table fitting_table(const ScanListing& listing, const Rows& rows, const ForPeople& people, const Style& style) {
  Table table = table_of(listing, rows, &people);
  for (const std::string_view name : {"active", "bits", "architecture", "findings", "dtype", "parameters"}) {
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

// Each copy with its size, and whose it is where a store has it.
void write_copy_group(const Rows& rows, const CopyGroup& group, TextWriter& page) {
  std::string head = fmt::format("{} models {}", group.rows.size(), likeness_text(group.likeness));
  if (group.reclaimable_bytes != 0) head += fmt::format(", {}", disk_bytes(group.reclaimable_bytes));
  page.line("    " + head);
  const std::size_t shown = page.style().verbose ? group.rows.size() : std::min(group.rows.size(), kCopiesShown);
  std::vector<std::vector<std::string>> lines;
  bool owned = false;
  for (std::size_t i = 0; i < shown; ++i) {
    const ScanRow& row = *rows[group.rows[i]];
    owned = owned || !row.store.empty();
    lines.push_back({disk_bytes(row.file_bytes), "", page.safe(row.path)});
    for (const Store store : {Store::HuggingFace, Store::Ollama, Store::LmStudio}) {
      if (row.store == store_name(store))
        lines.back()[1] = page.safe(fmt::format("{}, {}", heading_of(store), row.name));
    }
  }
  if (!owned) {
    for (auto& line : lines) line.erase(line.begin() + 1);
  }
  for (const std::string& line : aligned(lines, owned ? "rll" : "rl")) page.line("      " + line);
  if (shown < group.rows.size()) {
    page.line(fmt::format("      and {} more (--verbose shows all)", grouped(group.rows.size() - shown)));
  }
}

void write_copies(const Rows& rows, const std::vector<CopyGroup>& copies, std::uint64_t reclaimable, TextWriter& page) {
  if (copies.empty()) return;
  const bool read =
      std::ranges::any_of(copies, [](const CopyGroup& group) { return group.likeness > Likeness::Header; });
  page.line();
  std::string words = counted(copies.size(), "group");
  if (reclaimable != 0) words += fmt::format(", {} to be won back", disk_bytes(reclaimable));
  if (!read) words += "; judged by headers, --deep compares the weights";
  page.paragraph(page.label("copies"), words);
  const std::size_t shown = page.style().verbose ? copies.size() : std::min(copies.size(), kGroupsShown);
  for (std::size_t i = 0; i < shown; ++i) write_copy_group(rows, copies[i], page);
  if (shown < copies.size()) {
    page.line(fmt::format("    and {} (--verbose shows all)", counted(copies.size() - shown, "more group")));
  }
}

// "3 models, 12.31 GiB in 9 files".
std::string short_sum(const Totals& totals) {
  std::uint64_t others = 0;
  for (const auto& [kind, count] : totals.others) others += count;
  return fmt::format("{}{}, {} in {}", counted(totals.models, "model"),
                     others == 0 ? "" : fmt::format(" and {} others", grouped(others)),
                     disk_bytes(totals.file_bytes.value), counted(totals.files.value, "file"));
}

void write_rows(const ScanListing& listing, const Rows& rows, TextWriter& page, std::ostream& out) {
  const Style& style = page.style();
  const ForPeople people{.ambiguous = ambiguous_names(rows),
                         .paths = style.verbose,
                         .stores = has_stores(rows) && listing.is_sorted,
                         .width = page.room_after("    "),
                         .unicode = style.unicode};
  const auto write_table = [&](const Rows& listed) {
    write_text_table(fitting_table(listing, listed, people, style), style, style.verbose, out);
    page.line();
  };
  if (!has_stores(rows) || listing.is_sorted) return write_table(rows);
  for (const auto& [store, own] : rows_by_store(rows)) {
    page.line(page.colored(fmt::format("{}: {}", heading_of(store), short_sum(totals_of(own))), Color::Bold));
    write_table(own);
  }
}

// Where the list has no headings.
void write_store_sums(const Rows& rows, TextWriter& page) {
  std::string label = page.label("stores");
  for (const auto& [store, own] : rows_by_store(rows)) {
    page.paragraph(label, fmt::format("{}: {}", heading_of(store), short_sum(totals_of(own))));
    label = page.label("");
  }
}

void write_text_scan(const ScanListing& listing, const Style& style, std::ostream& out) {
  TextWriter page(style, out);
  const Rows rows = rows_of(listing);
  const std::vector<CopyGroup> copies = style.quiet ? std::vector<CopyGroup>() : find_copies(rows);
  const Totals totals = totals_of(rows, copies);
  if (!style.quiet && !rows.empty()) write_rows(listing, rows, page, out);
  std::string sum =
      fmt::format("{}, {} in {}, {} parameters", counted(totals.models, "model"), disk_bytes(totals.file_bytes.value),
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
  if (!style.quiet && has_stores(rows) && listing.is_sorted) write_store_sums(rows, page);
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

Json copies_json(const Rows& rows, const std::vector<CopyGroup>& copies, JsonText& text) {
  Json result = Json::array();
  for (const CopyGroup& group : copies) {
    Json paths = Json::array();
    Json models = Json::array();
    for (const std::size_t i : group.rows) {
      const ScanRow& row = *rows[i];
      paths.push_back(text(row.path));
      models.push_back({{"path", text(row.path)},
                        {"name", text(row.name)},
                        {"store", row.store.empty() ? Json() : Json(text(row.store))},
                        {"file_bytes", row.file_bytes}});
    }
    result.push_back({{"same", likeness_name(group.likeness)},
                      {"paths", std::move(paths)},
                      {"models", std::move(models)},
                      {"reclaimable_bytes", group.reclaimable_bytes}});
  }
  return result;
}

Json stores_json(const Rows& rows) {
  Json result = Json::array();
  for (const auto& [store, own] : rows_by_store(rows)) {
    const Totals totals = totals_of(own);
    result.push_back({{"store", store == Store::Folder ? Json() : Json(store_name(store))},
                      {"models", totals.models},
                      {"files", totals.files.value},
                      {"file_bytes", totals.file_bytes.value}});
  }
  return result;
}

// The models are lines already: they are put into the document as they are.
void write_json_scan(const ScanListing& listing, std::ostream& out) {
  const Rows rows = rows_of(listing);
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
                     {"stores", stores_json(rows)},
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
  const Rows rows = rows_of(listing);
  const Table table = table_of(listing, rows, nullptr);
  if (format == "csv") return write_csv_table(table, out);
  write_markdown_table(table, out);
}

}  // namespace weigh::core
