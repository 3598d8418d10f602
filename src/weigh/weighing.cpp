#include "src/weigh/weighing.h"

#include <fmt/core.h>

#include <utility>

namespace weigh::core {
RunRequest request_with(const RunOptions& options, const Companions& companions, const Model& model) {
  const Engine engine = engine_of(options, model);
  std::vector<Companion> loaded = companions.for_model(model, engine);
  RunRequest request = request_of(options, model, engine);
  request.companions = std::move(loaded);
  return request;
}

std::vector<Fit> fits_of(const Model& model, const RunOptions& options, const Companions& companions,
                         std::span<const DeviceSet> groups, const Catalogue& catalogue, WeighDetail detail) {
  return weigh(model, request_with(options, companions, model), groups, catalogue, detail).fits;
}

ModelReport weigh_run_of(Model model, const RunOptions& options, const Companions& companions,
                         std::span<const DeviceSet> groups, const Catalogue& catalogue, WeighDetail detail) {
  const RunRequest request = request_with(options, companions, model);
  Weighing weighing = weigh(model, request, groups, catalogue, detail);
  ModelReport report;
  report.fits = std::move(weighing.fits);
  report.common_devices = weighing.common_devices;
  if (detail == WeighDetail::Run) report.as_gguf = quantized_choices(model, request, groups, report.fits);
  report.model = std::move(model);
  return report;
}

ModelReport weigh_prediction(const Model& source, const QuantizedSize& prediction, std::span<const DeviceSet> groups,
                             const Catalogue& catalogue) {
  Model model;
  model.checkpoint.path = source.checkpoint.path;
  model.checkpoint.name = fmt::format("{} as {}", source.checkpoint.name, prediction.type);
  model.architecture = source.architecture;
  model.total_parameters = source.total_parameters;
  model.active_parameters = source.active_parameters;
  model.weight_bytes = prediction.tensor_bytes;
  model.padding_bytes = prediction.padding_bytes;
  model.by_dtype = prediction.by_dtype;
  model.quantization = Quantization{prediction.type, std::nullopt, std::nullopt};
  if (prediction.refusal) {
    model.findings.emplace_back(FindingCode::QuantizerRefuses, Severity::Warning, *prediction.refusal);
  }
  for (const std::string& remark : prediction.remarks) {
    model.findings.emplace_back(FindingCode::Prediction, Severity::Note, remark);
  }
  Weighing weighing = weigh(source, {.as = find_quantizer_type(prediction.type)}, groups, catalogue, WeighDetail::Run);
  ModelReport report;
  report.fits = std::move(weighing.fits);
  report.common_devices = weighing.common_devices;
  report.model = std::move(model);
  report.predicted_file_bytes = prediction.file_bytes;
  report.predicted_with_imatrix = prediction.with_imatrix;
  return report;
}

}  // namespace weigh::core
