#include <fmt/core.h>

#include <algorithm>

#include "src/report/summary.h"
#include "src/report/text_format.h"
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

std::string largest_on(const Report& report, std::size_t device) {
  const ModelReport* largest = nullptr;
  for (const ModelReport& model : report.models) {
    const bool fits = model.fits[device].verdict == Verdict::Fits && !refused(model);
    if (fits && (!largest || model.model.weight_bytes > largest->model.weight_bytes)) largest = &model;
  }
  const std::string label = device_label(report.models.front().fits[device].device);
  if (!largest) return fmt::format("none fits on {}", label);
  return fmt::format("{} ({}) is the largest that fits on {}", largest->model.quantization->scheme,
                     human_bytes(largest->model.weight_bytes), label);
}

}  // namespace

void write_predictions(const Report& report, const Style& style, std::ostream& out) {
  if (report.models.empty()) return;
  const ModelReport& first = report.models.front();
  const std::size_t devices = first.common_devices ? 0 : first.fits.size();
  std::vector<std::vector<std::string>> rows{{"type", "size", "bits per weight"}};
  std::string alignment = "lrr";
  for (std::size_t i = 0; i < devices; ++i) {
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
    for (std::size_t i = 0; i < devices; ++i) cells.emplace_back(verdict_name(row.fits[i].verdict));
    cells.push_back(note_of(row));
    rows.push_back(std::move(cells));
  }
  const std::string name = first.model.checkpoint.name;
  out << escaped(name.substr(0, name.rfind(" as ")), style.unicode) << " in llama.cpp's types, predicted\n\n";
  for (const std::string& line : aligned(rows, alignment)) out << "  " << line << '\n';
  if (devices > 0) out << '\n';
  for (std::size_t i = 0; i < devices; ++i) out << "  " << largest_on(report, i) << '\n';
  if (!style.quiet) out << "  " << need_note(first) << '\n';
}

}  // namespace weigh::core
