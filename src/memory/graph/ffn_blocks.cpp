#include "src/memory/graph/graph_builder.h"

namespace weigh::core {

namespace {

constexpr FfnNames kSharedExpertNames{"ffn_up_shexp", "ffn_gate_shexp", "ffn_down_shexp"};

}  // namespace
// A gate's activation times what it lets through. Kimi K3 has one of many steps (src/models/kimi-k3.cpp, situ).
TensorId GraphBuilder::gated_linear(TensorId gate, TensorId up) {
  if (!model.has(kBoundedGate)) return graph.make(Op::Swiglu, graph.extent(up), {gate, up});
  const auto bounded = [&](TensorId of) {
    return graph.unary(Op::Scale, graph.unary(Op::Tanh, graph.unary(Op::Scale, of)));
  };
  const TensorId turned = graph.mul(bounded(gate), graph.unary(Op::Sigmoid, gate));
  return graph.mul(turned, bounded(up));
}

// The dense feed-forward part (llama.cpp, build_ffn): up, gate, their product, down. A joint gate is split where it is
// applied; without any, the activation works in place.
TensorId GraphBuilder::gated(const LayerModel& layer, TensorId input, std::uint64_t width, GateKind kind,
                             const FfnNames& names) {
  TensorId hidden = kOutside;
  if (kind == GateKind::Joint) {
    const Extent extent{width, graph.extent(input)[1], 1, 1};
    hidden = graph.make(Op::Swiglu, extent, {graph.mul_mat(names.up, input, 2 * width)});
  } else {
    const TensorId up = graph.mul_mat(names.up, input, width);
    hidden =
        kind == GateKind::Own ? gated_linear(graph.mul_mat(names.gate, input, width), up) : graph.unary(Op::Gelu, up);
  }
  if ((layer.parts & kFfnSubNorm) != 0) hidden = norm(hidden, "ffn_sub_norm");
  return graph.mul_mat(names.down, hidden, model.embedding);
}

TensorId GraphBuilder::dense(const LayerModel& layer, TensorId input) {
  const bool own = (layer.parts & kGate) != 0, joint = (layer.parts & kJointGate) != 0;
  return gated(layer, input, layer.ffn, own ? GateKind::Own : joint ? GateKind::Joint : GateKind::None);
}

// Leaves only the experts of the best groups to choose from (DeepSeek-V3).
TensorId GraphBuilder::limit_to_groups(const LayerModel& layer, TensorId scores) {
  const std::uint64_t groups = model.expert_groups;
  const std::uint64_t count = graph.extent(scores)[1];
  if (groups <= 1 || layer.experts % groups != 0) return scores;
  const std::uint64_t size = layer.experts / groups;
  const TensorId split = graph.reshape(scores, {size, groups, count, 1});
  const TensorId sorted = graph.argsort(split);
  const TensorId best = graph.make(Op::GetRows, {1, 2, groups, count}, {split, sorted});
  const TensorId sums = graph.make(Op::SumRows, {1, groups, count, 1}, {best});
  const TensorId chosen = graph.make(Op::Argsort, {groups, count, 1, 1}, {sums}, Element::I32);
  const TensorId kept = graph.make(Op::GetRows, {size, groups, count, 1}, {split, chosen});
  const TensorId masked = graph.unary(Op::Fill, split);
  return graph.reshape(graph.set_rows(masked, kept, chosen), {layer.experts, count, 1, 1});
}

TensorId GraphBuilder::choose_experts(const LayerModel& layer, TensorId scores) {
  const std::uint64_t count = graph.extent(scores)[1];
  const TensorId sorted = graph.argsort(scores);
  const std::uint64_t row = 4 * layer.experts;
  return graph.view(sorted, {layer.experts_used, count, 1, 1}, {4, row, row * count, row * count}, 0);
}

TensorId GraphBuilder::expert_weights(const LayerModel& layer, TensorId probabilities, TensorId chosen) {
  const std::uint64_t count = graph.extent(chosen)[1];
  const Extent flat{layer.experts_used, count, 1, 1}, each{1, layer.experts_used, count, 1};
  TensorId weights =
      graph.make(Op::GetRows, each, {graph.reshape(probabilities, {1, layer.experts, count, 1}), chosen});
  if (soft_max_over_used()) weights = graph.reshape(graph.unary(Op::SoftMax, graph.reshape(weights, flat)), each);
  const bool stated = model.norms_expert_weights.value_or(!model.has(kNormByKey));
  if (stated && !model.has(kRawExpertWeights)) {
    weights = graph.reshape(weights, flat);
    const TensorId sum = graph.unary(Op::Clamp, graph.sum_rows(weights));
    weights = graph.reshape(graph.like(Op::Div, weights, sum), each);
  }
  return model.scales_expert_weights ? graph.unary(Op::Scale, weights) : weights;
}

bool GraphBuilder::soft_max_over_used() const {
  constexpr std::uint64_t kSoftMaxOverUsed = 3;
  return model.expert_gating ? *model.expert_gating == kSoftMaxOverUsed : model.has(kSoftmaxOverUsed);
}

// Which experts each token takes, and how much of each (llama.cpp, build_moe_ffn).
GraphBuilder::Routing GraphBuilder::route(const LayerModel& layer, TensorId logits) {
  constexpr std::uint64_t kSigmoid = 2, kRootOfSoftplus = 4;
  if (model.expert_gating == kRootOfSoftplus) logits = graph.unary(Op::Softplus, logits);
  const Op squash = model.expert_gating == kRootOfSoftplus ? Op::Sqrt
                    : model.expert_gating == kSigmoid      ? Op::Sigmoid
                                                           : Op::SoftMax;
  const TensorId probabilities = soft_max_over_used() ? logits : graph.unary(squash, logits);
  if ((layer.parts & kListedExperts) != 0) {
    const Extent used{layer.experts_used, graph.extent(logits)[1], 1, 1};
    return {probabilities, graph.make(Op::GetRows, used, {token_ids}, Element::I32, "ffn_gate_tid2eid")};
  }
  TensorId scores = model.has(kSelectsBySigmoid) ? graph.unary(Op::Sigmoid, logits) : probabilities;
  if ((layer.parts & kSelectionBias) != 0) scores = graph.with_weight(Op::Add, scores, "exp_probs_b");
  const TensorId chosen = choose_experts(layer, limit_to_groups(layer, scores));
  return {probabilities, chosen};
}

// Every token's row for each of its experts side by side, weighed, and their sum.
TensorId GraphBuilder::sum_of_experts(const LayerModel& layer, TensorId input, std::uint64_t width,
                                      const Routing& routing, const FfnNames& names) {
  const TensorId weights = expert_weights(layer, routing.probabilities, routing.chosen);
  graph.expand(weights);
  const std::uint64_t count = graph.extent(input)[1], used = layer.experts_used;
  const TensorId rows = graph.reshape(input, {graph.extent(input)[0], 1, count, 1});
  const auto project = [&](std::string_view weight, TensorId from, std::uint64_t to) {
    return graph.make(Op::MulMatId, {to, used, count, 1}, {from, routing.chosen}, Element::F32, weight);
  };
  TensorId hidden = kOutside;
  if ((layer.parts & kExpertJoint) != 0) {
    const TensorId both = project("ffn_gate_up_exps", rows, 2 * width);
    const TensorId gate = graph.columns(both, 0, width);
    const TensorId up = graph.columns(both, width, width);
    hidden = gated_linear(gate, up);
  } else {
    const TensorId up = project(names.up, rows, width);
    const bool gate = (layer.parts & kExpertGate) != 0;
    hidden = gate ? gated_linear(project(names.gate, rows, width), up) : graph.unary(Op::Silu, up);
  }
  const std::uint64_t embedding = graph.extent(input)[0];
  TensorId all = project(names.down, hidden, embedding);
  if ((layer.parts & kExpertScale) != 0) {
    const TensorId repeated = graph.make(Op::Repeat, {1, layer.experts, count, 1}, {});
    all = graph.mul(all, graph.make(Op::GetRows, {1, used, count, 1}, {repeated, routing.chosen}));
  }
  all = graph.mul(all, weights);
  graph.expand(all);
  std::vector<TensorId> parts;
  const std::uint64_t row = 4 * embedding;
  for (std::uint64_t i = 0; i < used; ++i) {
    parts.push_back(
        graph.view(all, {embedding, count, 1, 1}, {4, row * used, row * used * count, row * used * count}, i * row));
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

TensorId GraphBuilder::experts(const LayerModel& layer, TensorId input, TensorId logits) {
  if (logits == kOutside) logits = graph.mul_mat("ffn_gate_inp", input, layer.experts);
  const Routing routing = route(layer, logits);
  const TensorId routed =
      sum_of_experts(layer, input, layer.expert_ffn, routing, {"ffn_up_exps", "ffn_gate_exps", "ffn_down_exps"});
  return layer.chunk_ffn == 0 ? routed : add_chunk_experts(layer, routed, logits);
}

// GroveMoE: each of a few chosen experts belongs to a small one that works on their sum (llama.cpp
// src/models/grovemoe.cpp).
TensorId GraphBuilder::add_chunk_experts(const LayerModel& layer, TensorId routed, TensorId logits) {
  Routing routing = route(layer, logits);
  const Extent chosen = graph.extent(routing.chosen);
  const TensorId numbers = graph.unary(Op::Scale, graph.make(Op::Cpy, chosen, {routing.chosen}));
  routing.chosen = graph.make(Op::Cpy, chosen, {numbers}, Element::I32);
  const TensorId small =
      sum_of_experts(layer, routed, layer.chunk_ffn, routing, {"ffn_up_chexps", "ffn_gate_chexps", "ffn_down_chexps"});
  return graph.add(routed, graph.unary(Op::Scale, small));
}

TensorId GraphBuilder::feed_forward(const LayerModel& layer, TensorId input, TensorId logits) {
  if ((layer.parts & kRouter) == 0) return dense(layer, input);
  const TensorId routed = experts(layer, input, logits);
  if ((layer.parts & kSharedExpert) == 0) return routed;
  const bool gate = (layer.parts & kExpertGate) != 0;
  TensorId shared = gated(layer, input, layer.shared_ffn, gate ? GateKind::Own : GateKind::None, kSharedExpertNames);
  if ((layer.parts & kSharedRouter) != 0) {
    shared = graph.mul(shared, graph.unary(Op::Sigmoid, graph.mul_mat("ffn_gate_inp_shexp", input, 1)));
  }
  return graph.add(routed, shared);
}

}  // namespace weigh::core
