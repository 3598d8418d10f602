// Several models, or one in several types: a row each.
#include "src/report/model_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "src/model/kind.h"
#include "src/report/answer.h"
#include "src/report/fit_words.h"
#include "src/report/summary.h"

namespace weigh::core {
namespace {

constexpr std::string_view kBest = "best that fits";

bool same_model(const Model& a, const Model& b) {
  const bool whole = a.checkpoint.kind == CheckpointKind::Model && b.checkpoint.kind == CheckpointKind::Model;
  return whole && a.parameters_known && b.parameters_known && a.total_parameters == b.total_parameters &&
         a.architecture.name == b.architecture.name;
}

/// Of several files of one model the largest that fits a device, by the device's place among the fits.
bool is_best(const std::vector<const ModelReport*>& rows, const ModelReport& row, std::size_t device) {
  std::size_t alike = 0;
  const ModelReport* best = nullptr;
  for (const ModelReport* other : rows) {
    if (!same_model(other->model, row.model)) continue;
    ++alike;
    if (device >= other->fits.size() || other->fits[device].verdict != Verdict::Fits) continue;
    if (best == nullptr || other->model.weight_bytes > best->model.weight_bytes) best = other;
  }
  return alike > 1 && best == &row;
}

/// What is in the folder and no model of its own: a line each, and how its memory is counted in.
void write_beside(const std::vector<const ModelReport*>& rows, TextWriter& page) {
  for (const ModelReport* row : rows) {
    const Model& model = row->model;
    const bool projects = model.projector.has_value() && is_gguf(model.checkpoint);
    page.paragraph(
        page.label("beside"),
        page.safe(fmt::format("{}   {}   {}{}", model.checkpoint.name, model.kind, human_bytes(model.weight_bytes),
                              projects ? fmt::format(": --mmproj {} counts it in", model.checkpoint.path) : "")));
  }
}

std::string verdict_cell(const ModelReport& row, std::size_t device, const TextWriter& page) {
  if (device >= row.fits.size()) return {};
  const std::string_view verdict = verdict_name(row.fits[device].verdict);
  return page.colored(verdict, *color_of(verdict));
}

/// What one device takes of the run, how long it may be and how it is said.
void add_run_cells(const ModelReport& row, std::vector<std::string>& cells) {
  if (row.fits.empty()) {
    cells.insert(cells.end(), {"", ""});
    return;
  }
  const Fit& fit = row.fits.front();
  cells.push_back(human_bytes(fit.need.total()));
  cells.push_back(fit.max_context ? grouped(*fit.max_context) : "-");
}

std::string aside_of(const std::vector<const ModelReport*>& rows, const ModelReport& row) {
  if (is_best(rows, row, 0)) return std::string(kBest);
  if (row.fits.empty()) return {};
  const Fit& fit = row.fits.front();
  if (fit.verdict == Verdict::Offload) return host_flags(fit);
  return fit.verdict == Verdict::Broken || fit.reason.kind >= ReasonKind::EngineNotThere ? why_text(fit) : "";
}

/// The devices that all rows were held against; empty where they are a few common ones, other ones for each model.
std::vector<std::string> devices_of(const std::vector<const ModelReport*>& rows) {
  std::vector<std::string> devices;
  for (const ModelReport* row : rows) {
    if (row->common_devices || row->fits.empty()) continue;
    for (const Fit& fit : row->fits) devices.push_back(device_label(fit.device));
    break;
  }
  return devices;
}

}  // namespace

void write_model_table(const std::vector<ModelReport>& models, TextWriter& page) {
  std::vector<const ModelReport*> rows;
  std::ranges::transform(models, std::back_inserter(rows), [](const ModelReport& model) { return &model; });
  std::ranges::stable_sort(rows, std::greater(), [](const ModelReport* row) { return row->model.weight_bytes; });
  const auto first_beside = std::stable_partition(rows.begin(), rows.end(),
                                                  [](const ModelReport* row) { return runs_alone(row->model.kind); });
  std::vector<const ModelReport*> beside(first_beside, rows.end());
  rows.erase(first_beside, rows.end());
  if (rows.empty()) rows.swap(beside);
  const std::vector<std::string> devices = devices_of(rows);

  std::vector<std::vector<std::string>> table{{"model", "type", "size"}};
  std::string alignment = "llr";
  if (devices.empty()) table.front().insert(table.front().begin() + 2, "parameters"), alignment = "llrr";
  if (devices.size() == 1) table.front().insert(table.front().end(), {"need", "context"}), alignment += "rr";
  for (const std::string& device : devices) table.front().push_back(page.safe(device)), alignment += 'l';
  if (devices.size() == 1) table.front().emplace_back(), alignment += 'l';
  for (const ModelReport* row : rows) {
    const Model& model = row->model;
    std::vector<std::string>& cells = table.emplace_back();
    std::string name = page.safe(model.checkpoint.name);
    cells.push_back(page.style().terminal ? cut_middle(name, page.width() / 2, page.style().unicode) : name);
    cells.push_back(page.safe(quantization_title(model)));
    if (devices.empty()) cells.push_back(model.parameters_known ? human_parameters(model.total_parameters) : "unknown");
    cells.push_back(page.style().verbose ? grouped(model.weight_bytes) : human_bytes(model.weight_bytes));
    if (devices.size() == 1) add_run_cells(*row, cells);
    for (std::size_t i = 0; i < devices.size(); ++i) {
      cells.push_back(verdict_cell(*row, i, page) + (devices.size() > 1 && is_best(rows, *row, i) ? " *" : ""));
    }
    if (devices.size() == 1) cells.push_back(page.safe(aside_of(rows, *row)));
  }
  const std::vector<std::string> lines = aligned(table, alignment);
  for (const std::string& line : lines) page.line("  " + line);
  if (page.style().quiet) return;
  const bool marks = devices.size() > 1 && std::ranges::any_of(lines, [](const std::string& line) {
                       return line.find(" *") != std::string::npos;
                     });
  if (marks) page.paragraph("  ", fmt::format("* {}", kBest));
  const auto counted_with = std::ranges::find_if(rows, [](const ModelReport* row) { return !row->fits.empty(); });
  if (!devices.empty() && counted_with != rows.end()) page.paragraph("  ", page.safe(need_note(**counted_with)));
  write_beside(beside, page);
  std::uint64_t unsound = 0;
  for (const ModelReport* row : rows) unsound += errors_on_top(row->model) > 0 ? 1 : 0;
  if (unsound > 0)
    page.paragraph("  ", fmt::format("{} with errors (--verbose shows them)", counted(unsound, "model")));
}

}  // namespace weigh::core
