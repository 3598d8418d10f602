#include "src/cli/weighing.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>

#include "src/devices/units.h"
#include "src/report/facts.h"

namespace weigh {
namespace {

/// The engine whose overhead is assumed: the one such files are made for.
std::string_view engine_for(const Model& model) {
  if (model.checkpoint.files.empty()) return "";
  return model.checkpoint.files.front().format == Format::Gguf ? "llama.cpp" : "transformers";
}

/// A layer goes to one device as a whole; a tensor outside of the layers stands for itself.
std::vector<std::uint64_t> pieces_of(const Model& model) {
  std::map<std::int32_t, std::uint64_t> layers;
  std::vector<std::uint64_t> others;
  auto facts = model.tensors.begin();
  for (const ModelFile& file : model.checkpoint.files) {
    for (const Tensor& tensor : file.tensors) {
      if (facts == model.tensors.end()) break;
      if (facts->layer < 0) {
        others.push_back(tensor.bytes);
      } else {
        layers[facts->layer] += tensor.bytes;
      }
      ++facts;
    }
  }
  std::vector<std::uint64_t> pieces;
  for (const auto& [layer, bytes] : layers) pieces.push_back(bytes);
  pieces.insert(pieces.end(), others.begin(), others.end());
  return pieces;
}

ModelReport weigh(Model model, std::string_view engine, const std::vector<std::uint64_t>& pieces,
                  std::span<const Device> devices, const Catalogue& catalogue) {
  Need need;
  need.weights = model.weight_bytes;
  std::vector<Fit> fits;
  for (const Device& device : devices) {
    Need here = need;
    if (!engine.empty()) here.overhead = engine_overhead(device);
    if (device.count > 1) here.pieces = pieces;
    fits.push_back(judge(here, device, engine));
    if (parts_missing(model)) fits.back().reason += "; parts are missing: the whole model needs more than this";
  }
  const bool ask_ladder = devices.empty() && model.weight_bytes > 0;
  if (ask_ladder) {
    if (!engine.empty()) need.overhead = 0;  // counted, by each device's own
    fits = ladder(need, engine, catalogue);
  }
  ModelReport report;
  report.model = std::move(model);
  report.fits = std::move(fits);
  report.ladder = ask_ladder;
  return report;
}

/// Whether nearly all of it is plain floating point, as a trainer writes it.
bool is_unquantised(const Model& model) {
  if (model.quantization || model.checkpoint.files.empty() || model.checkpoint.kind != CheckpointKind::Model)
    return false;
  std::uint64_t plain = 0;
  for (const DtypeTotals& row : model.by_dtype) {
    if (row.dtype == "F32" || row.dtype == "F16" || row.dtype == "BF16") plain += row.bytes;
  }
  return model.weight_bytes > 0 && plain > model.weight_bytes - model.weight_bytes / 100;
}

/// By size, not by the order of the table: rules make some types larger than their neighbours. Nothing is gained by a
/// type larger than `stored`, what the checkpoint is already.
std::optional<QuantisedSize> largest_fitting(const GgufPlan& plan, std::uint64_t stored, const Device& device) {
  std::optional<QuantisedSize> largest;
  for (const QuantiserType& type : quantiser_types()) {
    QuantisedSize prediction = predict(plan, type);
    if (prediction.refusal || prediction.tensor_bytes > stored + stored / 64) continue;  // norms grow to F32
    if (largest && largest->tensor_bytes >= prediction.tensor_bytes) continue;
    Need need;
    need.weights = prediction.tensor_bytes;
    need.overhead = engine_overhead(device);
    if (judge(need, device, "llama.cpp").verdict == Verdict::Fits) largest = std::move(prediction);
  }
  return largest;
}

}  // namespace

ModelReport weigh_model(Model model, std::span<const Device> devices, const Catalogue& catalogue) {
  const std::vector<std::uint64_t> pieces = pieces_of(model);
  const std::string_view engine = engine_for(model);
  std::string what_next = quantised_sizes(model, devices);
  ModelReport report = weigh(std::move(model), engine, pieces, devices, catalogue);
  report.what_next = std::move(what_next);
  return report;
}

ModelReport weigh_prediction(const Model& source, const QuantisedSize& prediction, std::span<const Device> devices,
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
    model.findings.push_back({Severity::Warning, "quantiser-refuses", *prediction.refusal, {}, std::nullopt, {}});
  }
  for (const std::string& remark : prediction.remarks) {
    model.findings.push_back({Severity::Note, "prediction", remark, {}, std::nullopt, {}});
  }
  ModelReport report = weigh(std::move(model), "llama.cpp", {}, devices, catalogue);
  report.predicted_file_bytes = prediction.file_bytes;
  return report;
}

std::string quantised_sizes(const Model& model, std::span<const Device> devices) {
  constexpr std::array<std::string_view, 4> kShown = {"Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M"};
  if (!is_unquantised(model)) return {};
  const GgufPlan plan = plan_gguf(model);
  std::string text;
  if (devices.empty()) {
    for (const std::string_view name : kShown) {
      const QuantisedSize prediction = predict(plan, *find_quantiser_type(name));
      text += fmt::format("{}{} {}", text.empty() ? "" : " | ", name, human_bytes(prediction.tensor_bytes));
    }
    return text;
  }
  for (const Device& device : devices) {
    const auto largest = largest_fitting(plan, model.weight_bytes, device);
    text += fmt::format(
        "{}{} on {}", text.empty() ? "" : "; ",
        largest ? fmt::format("{} ({}) is the largest that fits", largest->type, human_bytes(largest->tensor_bytes))
                : std::string("none fits"),
        device.id);
  }
  return text;
}

int exit_status(const Report& report) {
  const bool bad = std::any_of(report.models.begin(), report.models.end(), [](const ModelReport& model) {
    return std::any_of(model.model.findings.begin(), model.model.findings.end(),
                       [](const Finding& finding) { return finding.severity == Severity::Error; });
  });
  return bad || !report.errors.empty() ? 1 : 0;
}

void write_report(const Report& report, Output& output) {
  for (const ReportWriter& writer : report_writers()) {
    if (writer.format == output.format()) writer.write(report, output.style(), output.stream());
  }
  output.finish();
}

OneCheckpoint open_one(const std::string& path, const Session& session) {
  Opened opened = open_checkpoints(path);
  for (const Failure& failure : opened.failures) session.tell(failure_line(failure));
  if (opened.checkpoints.size() > 1) {
    std::string names;
    for (std::size_t i = 0; i < std::min<std::size_t>(opened.checkpoints.size(), 8); ++i) {
      names += (i > 0 ? ", " : "") + opened.checkpoints[i].path;
    }
    throw UsageError(fmt::format("{} holds {} models; name one: {}", path, opened.checkpoints.size(), names));
  }
  OneCheckpoint one{std::nullopt, std::move(opened.failures)};
  if (!opened.checkpoints.empty()) one.checkpoint = std::move(opened.checkpoints.front());
  return one;
}

}  // namespace weigh
