#include "src/memory/graph/graph_builder.h"

namespace weigh::core {

// The dense feed-forward part (llama.cpp, build_ffn): up, gate, their product, down. A joint gate is split where it is
// applied; without any, the activation works in place.
TensorId GraphBuilder::gated(TensorId input, std::uint64_t width, bool gate, bool joint) {
  const TensorId up = graph_.mul_mat("ffn_up", input, joint ? 2 * width : width);
  TensorId hidden = kOutside;
  const Extent extent{width, graph_.tensor(input).extent[1], 1, 1};
  if (gate) {
    hidden = graph_.make(Op::Swiglu, extent, {graph_.mul_mat("ffn_gate", input, width), up});
  } else {
    hidden = joint ? graph_.make(Op::Swiglu, extent, {up}) : graph_.unary(Op::Gelu, up);
  }
  return graph_.mul_mat("ffn_down", hidden, model_.embedding);
}

// Leaves only the experts of the best groups to choose from (DeepSeek-V3).
TensorId GraphBuilder::limit_to_groups(const LayerModel& layer, TensorId scores) {
  const std::uint64_t groups = model_.expert_groups;
  const std::uint64_t tokens = graph_.tensor(scores).extent[1];
  if (groups <= 1 || layer.experts % groups != 0) return scores;
  const std::uint64_t size = layer.experts / groups;
  const TensorId split = graph_.reshape(scores, {size, groups, tokens, 1});
  const TensorId sorted = graph_.argsort(split);
  const TensorId best = graph_.make(Op::GetRows, {1, 2, groups, tokens}, {split, sorted});
  const TensorId sums = graph_.make(Op::SumRows, {1, groups, tokens, 1}, {best});
  const TensorId chosen = graph_.make(Op::Argsort, {groups, tokens, 1, 1}, {sums}, Element::I32);
  const TensorId kept = graph_.make(Op::GetRows, {size, groups, tokens, 1}, {split, chosen});
  const TensorId masked = graph_.unary(Op::Fill, split);
  return graph_.reshape(graph_.make(Op::SetRows, {size, groups, tokens, 1}, {kept, chosen, masked}),
                        {layer.experts, tokens, 1, 1});
}

TensorId GraphBuilder::choose_experts(const LayerModel& layer, TensorId scores) {
  const std::uint64_t tokens = graph_.tensor(scores).extent[1];
  const TensorId sorted = graph_.argsort(scores);
  const std::uint64_t row = 4 * layer.experts;
  return graph_.view(sorted, {layer.experts_used, tokens, 1, 1}, {4, row, row * tokens, row * tokens}, 0);
}

TensorId GraphBuilder::expert_weights(const LayerModel& layer, TensorId probabilities, TensorId chosen) {
  const std::uint64_t tokens = graph_.tensor(chosen).extent[1];
  const Extent flat{layer.experts_used, tokens, 1, 1}, each{1, layer.experts_used, tokens, 1};
  TensorId weights =
      graph_.make(Op::GetRows, each, {graph_.reshape(probabilities, {1, layer.experts, tokens, 1}), chosen});
  if (model_.has(kSoftmaxOverUsed)) {
    weights = graph_.reshape(graph_.unary(Op::SoftMax, graph_.reshape(weights, flat)), each);
  }
  if (!model_.has(kRawExpertWeights)) {
    weights = graph_.reshape(weights, flat);
    const TensorId sum = graph_.unary(Op::Clamp, graph_.sum_rows(weights));
    weights = graph_.reshape(graph_.like(Op::Div, weights, sum), each);
  }
  return weights;
}

// Routed experts (llama.cpp, build_moe_ffn): every token's row for each of its experts side by side, and their sum.
TensorId GraphBuilder::experts(const LayerModel& layer, TensorId input) {
  const std::uint64_t tokens = graph_.tensor(input).extent[1];
  const std::uint64_t used = layer.experts_used;
  const std::uint64_t width = layer.expert_ffn;
  const TensorId logits = graph_.mul_mat("ffn_gate_inp", input, layer.experts);
  const TensorId probabilities = model_.has(kSoftmaxOverUsed) ? logits : graph_.unary(Op::SoftMax, logits);
  TensorId scores = probabilities;
  if ((layer.parts & kSelectionBias) != 0) scores = graph_.with_weight(Op::Add, scores, "exp_probs_b");
  const TensorId chosen = choose_experts(layer, limit_to_groups(layer, scores));
  const TensorId weights = expert_weights(layer, probabilities, chosen);
  graph_.expand(weights);
  const TensorId rows = graph_.reshape(input, {model_.embedding, 1, tokens, 1});
  const Extent hidden_extent{width, used, tokens, 1};
  TensorId hidden = kOutside;
  if ((layer.parts & kExpertJoint) != 0) {
    const TensorId both =
        graph_.make(Op::MulMatId, {2 * width, used, tokens, 1}, {rows, chosen}, Element::F32, "ffn_gate_up_exps");
    const Extent stride = graph_.tensor(both).stride;
    const TensorId gate = graph_.view(both, hidden_extent, stride, 0);
    const TensorId up = graph_.view(both, hidden_extent, stride, 4 * width);
    hidden = graph_.make(Op::Swiglu, hidden_extent, {gate, up});
  } else {
    const auto project = [&](std::string_view weight) {
      return graph_.make(Op::MulMatId, hidden_extent, {rows, chosen}, Element::F32, weight);
    };
    const TensorId up = project("ffn_up_exps");
    const bool gate = (layer.parts & kExpertGate) != 0;
    hidden = gate ? graph_.make(Op::Swiglu, hidden_extent, {project("ffn_gate_exps"), up}) : graph_.unary(Op::Silu, up);
  }
  TensorId all =
      graph_.make(Op::MulMatId, {model_.embedding, used, tokens, 1}, {hidden, chosen}, Element::F32, "ffn_down_exps");
  all = graph_.mul(all, weights);
  graph_.expand(all);
  std::vector<TensorId> parts;
  const Extent one{model_.embedding, tokens, 1, 1};
  const std::uint64_t row = 4 * model_.embedding;
  for (std::uint64_t i = 0; i < used; ++i) {
    parts.push_back(graph_.view(all, one, {4, row * used, row * used * tokens, row * used * tokens}, i * row));
    graph_.expand(parts.back());
  }
  if (parts.empty()) return graph_.cont(input);
  if (parts.size() == 1) return graph_.cont(parts.front());
  TensorId sum = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) {
    sum = graph_.add(sum, parts[i]);
    graph_.expand(sum);
  }
  return sum;
}

}  // namespace weigh::core
