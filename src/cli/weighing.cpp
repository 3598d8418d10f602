#include "src/cli/weighing.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

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

}  // namespace

ModelReport weigh_model(Model model, std::span<const Device> devices, const Catalogue& catalogue) {
  const std::string_view engine = engine_for(model);
  Need need;
  need.weights = model.weight_bytes;
  std::vector<Fit> fits;
  for (const Device& device : devices) {
    Need here = need;
    if (!engine.empty()) here.overhead = engine_overhead(device);
    if (device.count > 1) here.pieces = pieces_of(model);
    fits.push_back(judge(here, device, engine));
    if (parts_missing(model)) fits.back().reason += "; parts are missing: the whole model needs more than this";
  }
  const bool ask_ladder = devices.empty() && model.weight_bytes > 0;
  if (ask_ladder) {
    if (!engine.empty()) need.overhead = 0;  // counted, by each device's own
    fits = ladder(need, engine, catalogue);
  }
  return {std::move(model), std::move(fits), ask_ladder};
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
