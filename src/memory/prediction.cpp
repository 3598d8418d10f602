#include "src/memory/prediction.h"

#include <algorithm>
#include <iterator>

namespace weigh::core {

namespace {

// A block that predicts is one of attention, and has a plain cache: no window, no state, no indexer, no compressed cells.
LayerModel as_predicting(LayerModel layer) {
  layer.predicts = layer.sliding = layer.recurrent = layer.indexed = layer.headless = false;
  layer.cached = layer.kv_heads != 0;
  layer.more_state = layer.compress_ratio = 0;
  return layer;
}

// GGUF has the blocks behind the others. Its keys may promise some that the file leaves out: no tensor tells of them.
std::vector<LayerModel> predicting_layers(const RunModel& model) {
  std::vector<LayerModel> layers;
  std::ranges::copy_if(model.layers, std::back_inserter(layers), [](const LayerModel& layer) {
    return layer.predicts && (layer.parts != 0 || layer.mixer != Mixer::None);
  });
  return layers;
}

}  // namespace

std::optional<RunModel> prediction_model(const RunModel& model) {
  if (model.predicting == 0) return std::nullopt;
  const bool among = std::ranges::any_of(model.layers, &LayerModel::predicts);
  std::vector<LayerModel> layers = predicting_layers(model);
  if (!among) {
    // config.json counts them apart: they are like the last layer that attends to all tokens.
    const auto attends = [](const LayerModel& l) { return l.cached && !l.recurrent && !l.sliding; };
    const auto last = std::find_if(model.layers.rbegin(), model.layers.rend(), attends);
    if (last == model.layers.rend() || model.predicting > kMaxLayers) return std::nullopt;
    layers.assign(static_cast<std::size_t>(model.predicting), *last);
  }
  if (layers.empty()) return std::nullopt;
  RunModel draft = model;
  draft.prediction = PredictionUse::Alone;
  draft.predicting = draft.window = draft.indexer_key = draft.indexer_value = 0;
  draft.stacks = {};
  draft.loops = 1;
  std::ranges::transform(layers, layers.begin(), as_predicting);
  draft.layers = std::move(layers);
  return draft;
}

}  // namespace weigh::core
