#include "src/memory/graph/graph_builder.h"

namespace weigh::core {

// The dense feed-forward part (llama.cpp, build_ffn): up, gate, their product, down. A joint gate is split where it is
// applied; without any, the activation works in place.
TensorId GraphBuilder::gated(TensorId input, std::uint64_t width, bool gate, bool joint) {
  const TensorId up = graph_.project(input, joint ? 2 * width : width);
  TensorId hidden = kOutside;
  const Extent extent{width, graph_.tensor(input).extent[1], 1, 1};
  if (gate) {
    hidden = graph_.fresh(extent, {graph_.project(input, width), up});
  } else {
    hidden = joint ? graph_.fresh(extent, {up}) : graph_.in_place(up);
  }
  return graph_.project(hidden, model_.embedding);
}

// Leaves only the experts of the best groups to choose from (DeepSeek-V3).
TensorId GraphBuilder::limit_to_groups(const LayerModel& layer, TensorId scores) {
  const std::uint64_t groups = model_.expert_groups;
  const std::uint64_t tokens = graph_.tensor(scores).extent[1];
  if (groups <= 1 || layer.experts % groups != 0) return scores;
  const std::uint64_t size = layer.experts / groups;
  const TensorId split = graph_.reshape(scores, {size, groups, tokens, 1});
  const TensorId sorted = graph_.fresh({size, groups, tokens, 1}, {split}, Element::I32);
  const TensorId best = graph_.fresh({1, 2, groups, tokens}, {split, sorted});
  const TensorId sums = graph_.fresh({1, groups, tokens, 1}, {best});
  const TensorId chosen = graph_.fresh({groups, tokens, 1, 1}, {sums}, Element::I32);
  const TensorId kept = graph_.fresh({size, groups, tokens, 1}, {split, chosen});
  const TensorId masked = graph_.in_place(split);
  return graph_.reshape(graph_.fresh({size, groups, tokens, 1}, {kept, chosen, masked}), {layer.experts, tokens, 1, 1});
}

TensorId GraphBuilder::choose_experts(const LayerModel& layer, TensorId scores) {
  const std::uint64_t tokens = graph_.tensor(scores).extent[1];
  const TensorId sorted = graph_.fresh({layer.experts, tokens, 1, 1}, {scores}, Element::I32);
  const std::uint64_t row = 4 * layer.experts;
  return graph_.view(sorted, {layer.experts_used, tokens, 1, 1}, {4, row, row * tokens, row * tokens}, 0);
}

TensorId GraphBuilder::expert_weights(const LayerModel& layer, TensorId probabilities, TensorId chosen) {
  const std::uint64_t tokens = graph_.tensor(chosen).extent[1];
  const Extent flat{layer.experts_used, tokens, 1, 1}, each{1, layer.experts_used, tokens, 1};
  TensorId weights = graph_.fresh(each, {graph_.reshape(probabilities, {1, layer.experts, tokens, 1}), chosen});
  if (model_.has(kSoftmaxOverUsed)) {
    weights = graph_.reshape(graph_.in_place(graph_.reshape(weights, flat)), each);
  }
  if (!model_.has(kRawExpertWeights)) {
    weights = graph_.reshape(weights, flat);
    const TensorId sum = graph_.in_place(graph_.fresh({1, tokens, 1, 1}, {weights}));
    weights = graph_.reshape(graph_.in_place(weights, sum), each);
  }
  return weights;
}

// Routed experts (llama.cpp, build_moe_ffn): every token's row for each of its experts side by side, and their sum.
TensorId GraphBuilder::experts(const LayerModel& layer, TensorId input) {
  const std::uint64_t tokens = graph_.tensor(input).extent[1];
  const std::uint64_t used = layer.experts_used;
  const std::uint64_t width = layer.expert_ffn;
  const TensorId logits = graph_.project(input, layer.experts);
  const TensorId probabilities = model_.has(kSoftmaxOverUsed) ? logits : graph_.in_place(logits);
  TensorId scores = probabilities;
  if ((layer.parts & kSelectionBias) != 0) scores = graph_.in_place(scores);
  const TensorId chosen = choose_experts(layer, limit_to_groups(layer, scores));
  const TensorId weights = expert_weights(layer, probabilities, chosen);
  graph_.expand(weights);
  const TensorId rows = graph_.reshape(input, {model_.embedding, 1, tokens, 1});
  const Extent hidden_extent{width, used, tokens, 1};
  TensorId hidden = kOutside;
  if ((layer.parts & kExpertJoint) != 0) {
    const TensorId both = graph_.fresh({2 * width, used, tokens, 1}, {rows, chosen});
    const Extent stride = graph_.tensor(both).stride;
    const TensorId gate = graph_.view(both, hidden_extent, stride, 0);
    const TensorId up = graph_.view(both, hidden_extent, stride, 4 * width);
    hidden = graph_.fresh(hidden_extent, {gate, up});
  } else {
    const TensorId up = graph_.fresh(hidden_extent, {rows, chosen});
    const bool gate = (layer.parts & kExpertGate) != 0;
    hidden =
        gate ? graph_.fresh(hidden_extent, {graph_.fresh(hidden_extent, {rows, chosen}), up}) : graph_.in_place(up);
  }
  TensorId all = graph_.fresh({model_.embedding, used, tokens, 1}, {hidden, chosen});
  all = graph_.in_place(all, weights);
  graph_.expand(all);
  std::vector<TensorId> parts;
  const Extent one{model_.embedding, tokens, 1, 1};
  const std::uint64_t row = 4 * model_.embedding;
  for (std::uint64_t i = 0; i < used; ++i) {
    parts.push_back(graph_.view(all, one, {4, row * used, row * used * tokens, row * used * tokens}, i * row));
    graph_.expand(parts.back());
  }
  if (parts.empty()) return graph_.contiguous(input);
  if (parts.size() == 1) return graph_.contiguous(parts.front());
  TensorId sum = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    sum = graph_.in_place(sum, parts[i]);
    graph_.expand(sum);
  }
  return sum;
}

}  // namespace weigh::core
