#include "src/memory/prediction.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace weigh::core {

namespace {

// The selection bias; the head; the feed-forward part and the head.
constexpr auto kBias = std::to_array<std::string_view>({"exp_probs_b"});
constexpr auto kHead = std::to_array<std::string_view>({"nextn.embed_tokens", "nextn.shared_head"});
constexpr auto kFfnAndHead = std::to_array<std::string_view>(
    {"exp_probs_b", "ffn_down", "ffn_gate", "ffn_up", "nextn.embed_tokens", "nextn.shared_head"});

struct LoadedRow {
  std::string_view name;
  std::span<const std::string_view> parts;
};

constexpr auto kLoaded = std::to_array<LoadedRow>({
    {"cohere2moe", kHead},
    {"deepseek32", kBias},
    {"glm-dsa", kBias},
    {"hy_v3", kFfnAndHead},
});

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

std::span<const std::string_view> loaded_of_prediction(std::string_view architecture) {
  const auto* row = std::ranges::find(kLoaded, architecture, &LoadedRow::name);
  return row != kLoaded.end() ? row->parts : std::span<const std::string_view>();
}

}  // namespace weigh::core
