#include <fmt/core.h>

#include <algorithm>

#include "src/quantize/quantize_types.h"
#include "src/report/fit_words.h"
#include "src/report/summary.h"
#include "src/report/text_writer.h"
#include "src/report/writers.h"

namespace weigh::core {

namespace {

bool refused(const ModelReport& report) {
  return std::ranges::count(report.model.findings, FindingCode::QuantizerRefuses, &Finding::code) > 0;
}

std::string note_of(const ModelReport& report) {
  if (refused(report)) return "not by the quantiser as it is: see --as TYPE";
  if (!report.predicted_with_imatrix) return {};
  return fmt::format("{} with an importance matrix", human_bytes(report.predicted_with_imatrix->tensor_bytes));
}

/// Of the types that people publish, the largest that fits.
const ModelReport* best_on(const Report& report, std::size_t device) {
  const ModelReport* best = nullptr;
  for (const ModelReport& model : report.models) {
    const bool published =
        std::ranges::count(published_types(), std::string_view(model.model.quantization->scheme)) > 0;
    const bool fits = model.fits[device].verdict == Verdict::Fits && !refused(model);
    if (!published || !fits) continue;
    if (best == nullptr || model.model.weight_bytes > best->model.weight_bytes) best = &model;
  }
  return best;
}

std::string best_text(const Report& report, std::size_t device) {
  const ModelReport* best = best_on(report, device);
  const std::string label = device_label(report.models.front().fits[device].device);
  if (best == nullptr) return fmt::format("none of the published types fits on {}", label);
  return fmt::format("{} ({}) is the best that fits on {}", best->model.quantization->scheme,
                     human_bytes(best->model.weight_bytes), label);
}

/// What one device takes of the run and how long it may be, then the verdict and how it runs.
void add_run(const ModelReport& row, const TextWriter& page, std::vector<std::string>& cells) {
  const Fit& fit = row.fits.front();
  const std::string_view verdict = verdict_name(fit.verdict);
  cells.push_back(human_bytes(fit.need.total()));
  cells.push_back(fit.max_context ? grouped(*fit.max_context) : "-");
  cells.push_back(page.colored(verdict, *color_of(verdict)));
  cells.push_back(fit.verdict == Verdict::Offload ? host_flags(fit) : "");
}

}  // namespace

void write_predictions(const Report& report, const Style& style, std::ostream& out) {
  if (report.models.empty()) return;
  TextWriter page(style, out);
  const ModelReport& first = report.models.front();
  const std::size_t devices = first.common_devices ? 0 : first.fits.size();
  std::vector<std::vector<std::string>> rows{{"type", "size", "bits per weight"}};
  std::string alignment = "lrr";
  if (devices == 1) {
    rows.front().insert(rows.front().end(), {"need", "context", device_label(first.fits.front().device), ""});
    alignment += "rrll";
  }
  for (std::size_t i = 0; devices > 1 && i < devices; ++i) {
    rows.front().push_back(device_label(first.fits[i].device));
    alignment += 'l';
  }
  rows.front().emplace_back();
  alignment += 'l';
  for (const ModelReport& row : report.models) {
    const Model& model = row.model;
    std::vector<std::string> cells{model.quantization->scheme,
                                   style.verbose ? grouped(model.weight_bytes) : human_bytes(model.weight_bytes),
                                   fmt::format("{:.2f}", model.bits_per_weight().value_or(0))};
    if (devices == 1) add_run(row, page, cells);
    for (std::size_t i = 0; devices > 1 && i < devices; ++i) {
      const std::string_view verdict = verdict_name(row.fits[i].verdict);
      cells.push_back(page.colored(verdict, *color_of(verdict)) + (best_on(report, i) == &row ? " *" : ""));
    }
    const bool best = devices == 1 && best_on(report, 0) == &row;
    const std::string note = note_of(row);
    cells.push_back(best ? "best that fits" + (note.empty() ? "" : "; " + note) : note);
    rows.push_back(std::move(cells));
  }
  const std::string name = first.model.checkpoint.name;
  page.line(page.safe(name.substr(0, name.rfind(" as "))) + " in llama.cpp's types, predicted");
  page.line();
  for (const std::string& line : aligned(rows, alignment)) page.line("  " + line);
  if (devices > 0) page.line();
  for (std::size_t i = 0; i < devices; ++i) page.line("  " + page.safe(best_text(report, i)));
  if (!style.quiet) page.paragraph("  ", page.safe(need_note(first)));
}

}  // namespace weigh::core
