// One need for models that are loaded together.
#include "src/weigh/pipelines.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "formats/checked.h"
#include "src/fit/pipeline.h"
#include "src/model/kind.h"
#include "src/source/file_names.h"

namespace weigh::core {
namespace {

bool is_component(const ModelReport& report) { return report.model.checkpoint.kind == CheckpointKind::Component; }

/// "text_encoder_2", "image_encoder": what turns a prompt into numbers and then has nothing more to do.
bool is_encoder(const Checkpoint& checkpoint) { return checkpoint.component.find("_encoder") != std::string::npos; }

void add_part(const Model& model, std::string name, PipelineReport& pipeline) {
  pipeline.parts.push_back({std::move(name), model.checkpoint.path, model.weight_bytes});
  pipeline.parameters = saturating_plus(pipeline.parameters, model.known_total());
  pipeline.weight_bytes = plus(pipeline.weight_bytes, model.weight_bytes);
}

PipelineReport diffusers_pipeline(const std::string& path, const std::vector<ModelReport>& models,
                                  std::vector<std::string> missing, const RunSetup& setup) {
  PipelineReport pipeline;
  pipeline.path = path;
  pipeline.kind = PipelineKind::Diffusers;
  pipeline.missing = std::move(missing);
  PipelineWeights weights;
  for (const ModelReport& report : models) {
    if (!is_component(report)) continue;
    const Checkpoint& checkpoint = report.model.checkpoint;
    const std::string& shown = checkpoint.name;  // "FLUX.1-dev/vae"
    pipeline.name = shown.substr(0, shown.size() - std::min(shown.size(), checkpoint.component.size() + 1));
    add_part(report.model, checkpoint.component, pipeline);
    (is_encoder(checkpoint) ? weights.encoders : weights.others).push_back(report.model.weight_bytes);
  }
  PipelineFits fits = weigh_pipeline(weights, setup.groups, setup.catalogue);
  pipeline.at_once = std::move(fits.at_once);
  pipeline.on_host = std::move(fits.encoders_on_host);
  pipeline.common_devices = fits.common_devices;
  return pipeline;
}

bool takes_projector(const Model& model) {
  return is_gguf(model.checkpoint) && runs_alone(model.kind) &&
         Candidate(model, Engine::LlamaCpp).run_model() != nullptr;
}

/// Of projectors of one model in several types the largest, to be on the safe side.
const Model* projector_for(const std::vector<ModelReport>& models, const Checkpoint& model) {
  const Model* largest = nullptr;
  for (const ModelReport& report : models) {
    const bool projects = is_gguf(report.model.checkpoint) && report.model.projector && !runs_alone(report.model.kind);
    // In a store the two have one manifest: "llama3:8b" and "llama3:8b/mmproj.gguf".
    const Checkpoint& checkpoint = report.model.checkpoint;
    if (checkpoint.named_by_store != model.named_by_store) continue;
    if (model.named_by_store && !checkpoint.name.starts_with(model.name + '/')) continue;
    if (projects && (largest == nullptr || report.model.weight_bytes > largest->weight_bytes)) largest = &report.model;
  }
  return largest;
}

PipelineReport with_projector(const Model& model, const Model& projector, const RunSetup& setup) {
  PipelineReport pipeline;
  pipeline.path = model.checkpoint.path;
  pipeline.name = model.checkpoint.name;
  pipeline.kind = PipelineKind::Projector;
  add_part(model, model.checkpoint.name, pipeline);
  add_part(projector, projector.checkpoint.name, pipeline);
  RunRequest request = request_of(setup.options, model, Engine::LlamaCpp);
  request.companions = setup.companions.for_model(model, Engine::LlamaCpp);
  request.companions.push_back({CompanionRole::Projector, &projector});
  Weighing weighing = weigh(model, request, setup.groups, setup.catalogue, WeighDetail::Run);
  pipeline.at_once = std::move(weighing.fits);
  pipeline.common_devices = weighing.common_devices;
  request.projector_on_host = true;
  for (const DeviceSet& devices : setup.groups) {
    if (!devices.host) continue;
    Weighing split = weigh(model, request, {&devices, 1}, setup.catalogue, WeighDetail::Placement);
    pipeline.on_host.push_back(std::move(split.fits.front()));
  }
  return pipeline;
}

}  // namespace

std::vector<PipelineReport> pipelines_of(const std::string& path, const std::vector<ModelReport>& models,
                                         std::vector<std::string> missing_components, const RunSetup& setup) {
  std::vector<PipelineReport> pipelines;
  const auto components = std::ranges::count_if(models, is_component);
  if (components != 0 && static_cast<std::size_t>(components) + missing_components.size() > 1) {
    pipelines.push_back(diffusers_pipeline(path, models, std::move(missing_components), setup));
  }
  const bool named = !setup.options.mmproj.empty();
  if (named || setup.options.projector_on_host) return pipelines;
  for (const ModelReport& report : models) {
    const Model* const projector = projector_for(models, report.model.checkpoint);
    if (projector == nullptr || !takes_projector(report.model)) continue;
    if (engine_of(setup.options, report.model) != Engine::LlamaCpp) continue;
    pipelines.push_back(with_projector(report.model, *projector, setup));
  }
  return pipelines;
}

}  // namespace weigh::core
