#include <algorithm>
#include <string_view>

#include "src/memory/graph/recipes.h"

namespace weigh::core {

namespace {

std::uint64_t head_width(const RunModel& model) { return std::max<std::uint64_t>(model.wkv_head, 1); }

TensorId split_heads(GraphBuilder& b, TensorId of) {
  const std::uint64_t head = head_width(b.model);
  return b.graph.reshape(of, {head, b.model.embedding / head, b.tokens, 1});
}

// The last tokens of the batch before, as the state has them: one for each part that looks back a token.
TensorId load_shifts(GraphBuilder& b) {
  const std::uint64_t width = b.model.embedding, shifts = b.model.token_shifts;
  return b.graph.reshape(b.load_state(width * shifts), {width, shifts, b.run.sequences, 1});
}

void store_shifts(GraphBuilder& b, TensorId shifts) { b.graph.expand(b.graph.store(Op::Cpy, {shifts})); }

// One token of each sequence.
TensorId token(GraphBuilder& b, TensorId of, std::uint64_t number) {
  const Extent stride = b.graph.stride(of);
  return b.graph.view(of, {b.model.embedding, 1, b.run.sequences, 1}, stride, number * stride[1]);
}

TensorId last_token(GraphBuilder& b, TensorId of) { return token(b, of, b.graph.extent(of)[1] - 1); }

// The token before each.
TensorId shifted(GraphBuilder& b, TensorId first, TensorId of) {
  Extent extent = b.graph.extent(of);
  --extent[1];
  return b.graph.concat(first, b.graph.view(of, extent, b.graph.stride(of), 0), 1);
}

TensorId by_sequence(GraphBuilder& b, TensorId of) {
  return b.graph.reshape(of, {b.model.embedding, b.tokens / b.run.sequences, b.run.sequences, 1});
}

TensorId flat(GraphBuilder& b, TensorId of) { return b.graph.reshape(of, {b.model.embedding, b.tokens, 1, 1}); }

// The recurrence over the batch: its result for each token, with the new state behind it, which goes to the cache.
TensorId recur(GraphBuilder& b, Op op, std::initializer_list<TensorId> sources) {
  Graph& graph = b.graph;
  const std::uint64_t width = b.model.embedding, head = head_width(b.model), seqs = b.run.sequences;
  const TensorId all = graph.make(op, {width, b.tokens + head * seqs, 1, 1}, sources);
  const std::uint64_t state = width * head * seqs, result = width * b.tokens;
  graph.expand(graph.store(Op::Cpy, {graph.view(all, {state, 1, 1, 1}, {4, 4, 4, 4}, 4 * result)}));
  return graph.view(all, {result, 1, 1, 1}, {4, 4, 4, 4}, 0);
}

// Each head is normed for itself.
TensorId norm_heads(GraphBuilder& b, TensorId of) {
  const TensorId normed = flat(b, b.graph.unary(Op::Norm, split_heads(b, of)));
  return b.graph.with_weight(Op::Mul, normed, "time_mix_ln");
}

TensorId low_rank(GraphBuilder& b, TensorId of, std::string_view down, std::uint64_t rank, Op op, std::string_view up) {
  const TensorId narrow = b.graph.mul_mat(down, of, rank);
  return b.graph.mul_mat(up, op == Op::View ? narrow : b.graph.unary(op, narrow), b.model.embedding);
}

// RWKV 6: what each of the five branches sees of the token and of the one before it (build_rwkv6_time_mix).
class Mix6 {
 public:
  enum Branch : std::uint8_t { Decay, Key, Value, Receptance, Gate, Branches };

  Mix6(GraphBuilder& builder, const LayerModel& layer, TensorId of, TensorId previous)
      : b(builder), fused((layer.parts & kFusedLerp) != 0) {
    Graph& graph = b.graph;
    const std::uint64_t width = b.model.embedding, rank = b.model.ranks.mix;
    change = flat(b, graph.like(Op::Sub, previous, of));
    current = flat(b, of);
    mixed = graph.add(graph.with_weight(Op::Mul, change, "time_mix_lerp_x"), current);
    mixed = graph.unary(Op::Tanh, graph.mul_mat("time_mix_w1", mixed, Branches * rank));
    mixed = graph.reshape(mixed, {rank, 1, Branches, b.tokens});
    mixed = graph.mul_mat("time_mix_w2", graph.cont(graph.permute(mixed, {0, 1, 3, 2})), width);
    if (!fused) return;
    const Extent each{width, 1, b.tokens, 1};
    mixed = graph.mul(graph.with_weight(Op::Add, mixed, "time_mix_lerp_fused"), graph.reshape(change, each));
    mixed = graph.add(mixed, graph.reshape(current, each));
  }

  TensorId operator[](Branch branch) {
    Graph& graph = b.graph;
    const Extent stride = graph.stride(mixed);
    const TensorId own = graph.view(mixed, {b.model.embedding, b.tokens, 1, 1}, {4, stride[1], stride[3], stride[3]},
                                    branch * stride[3]);
    if (fused) return own;
    return graph.add(graph.mul(graph.with_weight(Op::Add, own, "time_mix_lerp"), change), current);
  }

 private:
  GraphBuilder& b;
  bool fused;
  TensorId change = kOutside, current = kOutside, mixed = kOutside;
};

// Keys or values, repeated where several heads share them.
TensorId shared_heads(GraphBuilder& b, const LayerModel& layer, std::string_view weight, TensorId of) {
  Graph& graph = b.graph;
  const std::uint64_t head = head_width(b.model), heads = b.model.embedding / head;
  if (layer.kv_heads == 0 || layer.kv_heads == heads)
    return split_heads(b, graph.mul_mat(weight, of, b.model.embedding));
  const TensorId few =
      graph.reshape(graph.mul_mat(weight, of, layer.kv_heads * head), {head, 1, layer.kv_heads, b.tokens});
  return split_heads(b, graph.make(Op::Repeat, {head, heads / layer.kv_heads, layer.kv_heads, b.tokens}, {few}));
}

// With linear attention in place of RWKV's own recurrence where it was distilled from an attention model.
TensorId time_mix6(GraphBuilder& b, const LayerModel& layer, TensorId current, TensorId previous, bool distilled) {
  Graph& graph = b.graph;
  const RunModel& model = b.model;
  Mix6 mix(b, layer, current, previous);
  const TensorId r = split_heads(b, graph.mul_mat("time_mix_receptance", mix[Mix6::Receptance], model.embedding));
  TensorId k = shared_heads(b, layer, "time_mix_key", mix[Mix6::Key]);
  const TensorId v = shared_heads(b, layer, "time_mix_value", mix[Mix6::Value]);
  TensorId gate = graph.mul_mat("time_mix_gate", mix[Mix6::Gate], model.embedding);
  gate = graph.unary(distilled ? Op::Sigmoid : Op::Silu, gate);
  TensorId decay = low_rank(b, mix[Mix6::Decay], "time_mix_decay_w1", model.ranks.decay, Op::Tanh, "time_mix_decay_w2");
  decay = graph.with_weight(Op::Add, decay, "time_mix_decay");
  decay = split_heads(b, graph.unary(Op::Exp, graph.unary(Op::Neg, graph.unary(Op::Exp, decay))));
  if (distilled) k = graph.like(Op::Sub, k, graph.mul(k, decay));
  const TensorId state = b.load_state(model.embedding * head_width(model));
  TensorId result = recur(b, distilled ? Op::GatedLinear : Op::RwkvWkv6, {k, v, r, decay, state});
  result = graph.mul(distilled ? flat(b, result) : norm_heads(b, result), gate);
  return by_sequence(b, graph.mul_mat("time_mix_output", result, model.embedding));
}

// Between the token and the one before it (ggml_lerp).
TensorId lerp(GraphBuilder& b, TensorId current, TensorId previous, std::string_view weight) {
  const TensorId change = b.graph.like(Op::Sub, previous, current);
  return b.graph.add(b.graph.with_weight(Op::Mul, change, weight), current);
}

// RWKV 7 (build_rwkv7_time_mix). The first block's values have a part in those of all others.
class TimeMix7 {
 public:
  explicit TimeMix7(GraphBuilder& builder) : b(builder) {}

  TensorId operator()(const LayerModel& layer, TensorId current, TensorId previous) {
    Graph& graph = b.graph;
    const LowRanks& ranks = b.model.ranks;
    const std::uint64_t width = b.model.embedding;
    const bool gated = (layer.parts & kTimeGate) != 0;
    mix(current, previous, gated ? 6 : 5);
    const TensorId r = split_heads(b, graph.mul_mat("time_mix_receptance", branch(0), width));
    TensorId decay = low_rank(b, branch(1), "time_mix_w1", ranks.decay, Op::Tanh, "time_mix_w2");
    decay = graph.unary(Op::Sigmoid, graph.with_weight(Op::Add, decay, "time_mix_w0"));
    decay = split_heads(b, graph.unary(Op::Exp, graph.unary(Op::Scale, decay)));
    TensorId k = graph.mul_mat("time_mix_key", branch(2), width);
    const TensorId v = split_heads(b, values(graph.mul_mat("time_mix_value", branch(3), width)));
    TensorId rate = low_rank(b, branch(4), "time_mix_a1", ranks.rate, Op::View, "time_mix_a2");
    rate = graph.unary(Op::Sigmoid, graph.with_weight(Op::Add, rate, "time_mix_a0"));
    const TensorId removal = graph.unary(Op::L2Norm, split_heads(b, graph.with_weight(Op::Mul, k, "time_mix_k_k")));
    const TensorId scaled = graph.with_weight(Op::Mul, k, "time_mix_k_a");
    k = split_heads(b, graph.add(k, graph.like(Op::Sub, graph.mul(rate, scaled), scaled)));
    const TensorId state = b.load_state(width * head_width(b.model));
    const TensorId put_back = graph.mul(removal, split_heads(b, rate));
    TensorId result = recur(b, Op::RwkvWkv7, {r, decay, k, v, graph.unary(Op::Neg, removal), put_back, state});
    result = (layer.parts & kTimeNorm) != 0 ? norm_heads(b, result) : flat(b, result);
    const TensorId weights = graph.sum_rows(graph.with_weight(Op::Mul, graph.mul(k, r), "time_mix_r_k"));
    result = graph.add(result, flat(b, graph.mul(v, weights)));
    if (gated) {
      result = graph.mul(result, low_rank(b, branch(5), "time_mix_g1", ranks.gate, Op::Sigmoid, "time_mix_g2"));
    }
    return by_sequence(b, graph.mul_mat("time_mix_output", result, width));
  }

 private:
  void mix(TensorId current, TensorId previous, std::uint64_t branches) {
    Graph& graph = b.graph;
    Extent extent = graph.extent(current);
    extent[3] = branches;
    mixed = graph.make(Op::Repeat, extent, {graph.like(Op::Sub, previous, current)});
    mixed = graph.add(graph.with_weight(Op::Mul, mixed, "time_mix_lerp_fused"), current);
  }

  TensorId branch(std::uint64_t number) {
    const Extent stride = b.graph.stride(mixed);
    return b.graph.view(mixed, {b.model.embedding, b.tokens, 1, 1}, {4, stride[1], stride[3], stride[3]},
                        number * stride[3]);
  }

  TensorId values(TensorId own) {
    if (first_values == kOutside) return first_values = own;
    Graph& graph = b.graph;
    TensorId share = low_rank(b, branch(3), "time_mix_v1", b.model.ranks.value, Op::View, "time_mix_v2");
    share = graph.unary(Op::Sigmoid, graph.with_weight(Op::Add, share, "time_mix_v0"));
    return graph.add(own, graph.mul(graph.like(Op::Sub, first_values, own), share));
  }

  GraphBuilder& b;
  TensorId first_values = kOutside;
  TensorId mixed = kOutside;
};

TensorId squared_relu_ffn(GraphBuilder& b, const LayerModel& layer, TensorId of) {
  Graph& graph = b.graph;
  const TensorId hidden = graph.unary(Op::Relu, graph.mul_mat("channel_mix_key", of, layer.ffn));
  return graph.mul_mat("channel_mix_value", graph.unary(Op::Sqr, hidden), b.model.embedding);
}

TensorId channel_mix6(GraphBuilder& b, const LayerModel& layer, TensorId current, TensorId previous) {
  Graph& graph = b.graph;
  const TensorId change = graph.like(Op::Sub, previous, current);
  const TensorId for_key = graph.add(graph.with_weight(Op::Mul, change, "channel_mix_lerp_k"), current);
  const TensorId for_gate = graph.add(graph.with_weight(Op::Mul, change, "channel_mix_lerp_r"), current);
  const TensorId gate = graph.unary(Op::Sigmoid, graph.mul_mat("channel_mix_receptance", for_gate, b.model.embedding));
  return graph.mul(gate, squared_relu_ffn(b, layer, for_key));
}

// RWKV's own block: its feed-forward part looks back a token as well.
template <typename TimeMix, typename ChannelMix>
TensorId rwkv_layer(GraphBuilder& b, const LayerStep& step, const TimeMix& time_mix, const ChannelMix& channel_mix) {
  Graph& graph = b.graph;
  const TensorId input = by_sequence(b, step.input);
  const TensorId shifts = load_shifts(b);
  const TensorId normed = b.norm(input, "attn_norm");
  TensorId mixed = time_mix(step.layer, normed, shifted(b, token(b, shifts, 0), normed));
  mixed = graph.add(mixed, input);
  TensorId current = b.norm(mixed, "attn_norm_2");
  TensorId previous = shifted(b, token(b, shifts, 1), current);
  store_shifts(b, graph.concat(last_token(b, normed), last_token(b, current), 1));
  mixed = flat(b, mixed);
  current = flat(b, current);
  previous = flat(b, previous);
  if (step.last) {
    mixed = b.pick_rows(mixed);
    current = b.pick_rows(current);
    previous = b.pick_rows(previous);
  }
  const TensorId result = graph.add(channel_mix(step.layer, current, previous), mixed);
  const std::uint64_t period = b.model.rescale_period;
  return period != 0 && (step.number + 1) % period == 0 ? graph.unary(Op::Scale, result) : result;
}

// A block with the feed-forward part of the model that it was distilled from.
template <typename TimeMix>
TensorId distilled_layer(GraphBuilder& b, const LayerStep& step, const TimeMix& time_mix) {
  Graph& graph = b.graph;
  const TensorId input = by_sequence(b, step.input);
  const TensorId shift = load_shifts(b);
  const TensorId normed = b.norm(input, "attn_norm");
  TensorId mixed = time_mix(step.layer, normed, shifted(b, shift, normed));
  store_shifts(b, last_token(b, normed));
  mixed = flat(b, graph.add(mixed, input));
  if (step.last) mixed = b.pick_rows(mixed);
  return graph.add(b.feed_forward(step.layer, b.norm(mixed, "ffn_norm")), mixed);
}

}  // namespace

void rwkv6_recipe(GraphBuilder& b) {
  const auto time_mix = [&](const LayerModel& layer, TensorId current, TensorId previous) {
    return time_mix6(b, layer, current, previous, false);
  };
  const auto channel_mix = [&](const LayerModel& layer, TensorId current, TensorId previous) {
    return channel_mix6(b, layer, current, previous);
  };
  b.output_head(b.run_layers(b.norm(b.embed_tokens(), "token_embd_norm"),
                             [&](const LayerStep& step) { return rwkv_layer(b, step, time_mix, channel_mix); }));
}

void rwkv6qwen2_recipe(GraphBuilder& b) {
  const auto time_mix = [&](const LayerModel& layer, TensorId current, TensorId previous) {
    return time_mix6(b, layer, current, previous, true);
  };
  b.output_head(
      b.run_layers(b.embed_tokens(), [&](const LayerStep& step) { return distilled_layer(b, step, time_mix); }));
}

void rwkv7_recipe(GraphBuilder& b) {
  TimeMix7 mix(b);
  const auto time_mix = [&](const LayerModel& layer, TensorId current, TensorId previous) {
    return mix(layer, current, previous);
  };
  const auto channel_mix = [&](const LayerModel& layer, TensorId current, TensorId previous) {
    return squared_relu_ffn(b, layer, lerp(b, current, previous, "channel_mix_lerp_k"));
  };
  b.output_head(b.run_layers(b.norm(b.embed_tokens(), "token_embd_norm"),
                             [&](const LayerStep& step) { return rwkv_layer(b, step, time_mix, channel_mix); }));
}

void arwkv7_recipe(GraphBuilder& b) {
  TimeMix7 mix(b);
  const auto time_mix = [&](const LayerModel& layer, TensorId current, TensorId previous) {
    return mix(layer, current, previous);
  };
  b.output_head(
      b.run_layers(b.embed_tokens(), [&](const LayerStep& step) { return distilled_layer(b, step, time_mix); }));
}

}  // namespace weigh::core
