#include "src/memory/graph/graph_builder.h"

namespace weigh::core {

// The dense feed-forward part (llama.cpp, build_ffn): up, gate, their product, down. A joint gate is split where it is
// applied; without any, the activation works in place.
TensorId GraphBuilder::gated(TensorId input, std::uint64_t width, bool gate, bool joint) {
  const TensorId up = graph.mul_mat("ffn_up", input, joint ? 2 * width : width);
  TensorId hidden = kOutside;
  const Extent extent{width, graph.tensor(input).extent[1], 1, 1};
  if (gate) {
    hidden = graph.make(Op::Swiglu, extent, {graph.mul_mat("ffn_gate", input, width), up});
  } else {
    hidden = joint ? graph.make(Op::Swiglu, extent, {up}) : graph.unary(Op::Gelu, up);
  }
  return graph.mul_mat("ffn_down", hidden, model.embedding);
}

// Leaves only the experts of the best groups to choose from (DeepSeek-V3).
TensorId GraphBuilder::limit_to_groups(const LayerModel& layer, TensorId scores) {
  const std::uint64_t groups = model.expert_groups;
  const std::uint64_t count = graph.tensor(scores).extent[1];
  if (groups <= 1 || layer.experts % groups != 0) return scores;
  const std::uint64_t size = layer.experts / groups;
  const TensorId split = graph.reshape(scores, {size, groups, count, 1});
  const TensorId sorted = graph.argsort(split);
  const TensorId best = graph.make(Op::GetRows, {1, 2, groups, count}, {split, sorted});
  const TensorId sums = graph.make(Op::SumRows, {1, groups, count, 1}, {best});
  const TensorId chosen = graph.make(Op::Argsort, {groups, count, 1, 1}, {sums}, Element::I32);
  const TensorId kept = graph.make(Op::GetRows, {size, groups, count, 1}, {split, chosen});
  const TensorId masked = graph.unary(Op::Fill, split);
  return graph.reshape(graph.make(Op::SetRows, {size, groups, count, 1}, {kept, chosen, masked}),
                       {layer.experts, count, 1, 1});
}

TensorId GraphBuilder::choose_experts(const LayerModel& layer, TensorId scores) {
  const std::uint64_t count = graph.tensor(scores).extent[1];
  const TensorId sorted = graph.argsort(scores);
  const std::uint64_t row = 4 * layer.experts;
  return graph.view(sorted, {layer.experts_used, count, 1, 1}, {4, row, row * count, row * count}, 0);
}

TensorId GraphBuilder::expert_weights(const LayerModel& layer, TensorId probabilities, TensorId chosen) {
  const std::uint64_t count = graph.tensor(chosen).extent[1];
  const Extent flat{layer.experts_used, count, 1, 1}, each{1, layer.experts_used, count, 1};
  TensorId weights =
      graph.make(Op::GetRows, each, {graph.reshape(probabilities, {1, layer.experts, count, 1}), chosen});
  if (model.has(kSoftmaxOverUsed)) {
    weights = graph.reshape(graph.unary(Op::SoftMax, graph.reshape(weights, flat)), each);
  }
  if (!model.has(kRawExpertWeights)) {
    weights = graph.reshape(weights, flat);
    const TensorId sum = graph.unary(Op::Clamp, graph.sum_rows(weights));
    weights = graph.reshape(graph.like(Op::Div, weights, sum), each);
  }
  return weights;
}

// Routed experts (llama.cpp, build_moe_ffn): every token's row for each of its experts side by side, and their sum.
TensorId GraphBuilder::experts(const LayerModel& layer, TensorId input, TensorId logits) {
  const std::uint64_t count = graph.tensor(input).extent[1];
  const std::uint64_t used = layer.experts_used;
  const std::uint64_t width = layer.expert_ffn;
  if (logits == kOutside) logits = graph.mul_mat("ffn_gate_inp", input, layer.experts);
  const TensorId probabilities = model.has(kSoftmaxOverUsed) ? logits : graph.unary(Op::SoftMax, logits);
  TensorId scores = probabilities;
  if ((layer.parts & kSelectionBias) != 0) scores = graph.with_weight(Op::Add, scores, "exp_probs_b");
  const TensorId chosen = choose_experts(layer, limit_to_groups(layer, scores));
  const TensorId weights = expert_weights(layer, probabilities, chosen);
  graph.expand(weights);
  const TensorId rows = graph.reshape(input, {model.embedding, 1, count, 1});
  const Extent hidden_extent{width, used, count, 1};
  TensorId hidden = kOutside;
  if ((layer.parts & kExpertJoint) != 0) {
    const TensorId both =
        graph.make(Op::MulMatId, {2 * width, used, count, 1}, {rows, chosen}, Element::F32, "ffn_gate_up_exps");
    const Extent stride = graph.tensor(both).stride;
    const TensorId gate = graph.view(both, hidden_extent, stride, 0);
    const TensorId up = graph.view(both, hidden_extent, stride, 4 * width);
    hidden = graph.make(Op::Swiglu, hidden_extent, {gate, up});
  } else {
    const auto project = [&](std::string_view weight) {
      return graph.make(Op::MulMatId, hidden_extent, {rows, chosen}, Element::F32, weight);
    };
    const TensorId up = project("ffn_up_exps");
    const bool gate = (layer.parts & kExpertGate) != 0;
    hidden = gate ? graph.make(Op::Swiglu, hidden_extent, {project("ffn_gate_exps"), up}) : graph.unary(Op::Silu, up);
  }
  TensorId all =
      graph.make(Op::MulMatId, {model.embedding, used, count, 1}, {hidden, chosen}, Element::F32, "ffn_down_exps");
  if ((layer.parts & kExpertScale) != 0) {
    const TensorId repeated = graph.make(Op::Repeat, {1, layer.experts, count, 1}, {});
    all = graph.mul(all, graph.make(Op::GetRows, {1, used, count, 1}, {repeated, chosen}));
  }
  all = graph.mul(all, weights);
  graph.expand(all);
  std::vector<TensorId> parts;
  const Extent one{model.embedding, count, 1, 1};
  const std::uint64_t row = 4 * model.embedding;
  for (std::uint64_t i = 0; i < used; ++i) {
    parts.push_back(graph.view(all, one, {4, row * used, row * used * count, row * used * count}, i * row));
    graph.expand(parts.back());
  }
  if (parts.empty()) return graph.cont(input);
  if (parts.size() == 1) return graph.cont(parts.front());
  TensorId sum = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    sum = graph.add(sum, parts[i]);
    graph.expand(sum);
  }
  return sum;
}

}  // namespace weigh::core
