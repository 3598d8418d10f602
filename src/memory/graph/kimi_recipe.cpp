#include <array>

#include "src/memory/graph/layer_blocks.h"
#include "src/memory/graph/recipes.h"

namespace weigh::core {

namespace {

// One of the three short convolutions: over the rows of the state that are its own, and the batch's.
TensorId convolve_third(GraphBuilder& b, const LayerModel& layer, TensorId input, TensorId state, std::uint64_t third) {
  constexpr std::array<std::string_view, 3> kProjections{"attn_q", "attn_k", "attn_v"};
  constexpr std::array<std::string_view, 3> kKernels{"ssm_conv1d_q", "ssm_conv1d_k", "ssm_conv1d_v"};
  Graph& g = b.graph;
  const std::uint64_t past = b.model.ssm.convolution == 0 ? 0 : b.model.ssm.convolution - 1;
  const std::uint64_t seqs = b.sequences, each = b.tokens / seqs;
  const std::uint64_t head = b.model.kda_head, inner = layer.heads * head;
  const Extent rows{past, inner, seqs, 1};
  const TensorId own =
      g.view(state, rows, {4, 4 * past, 12 * past * inner, 12 * past * inner * seqs}, 4 * third * past * inner);
  const TensorId x = g.reshape(g.mul_mat(kProjections[third], input, inner), {inner, each, seqs, 1});
  const TensorId joined = g.concat(own, g.transpose(x), 0);
  g.expand(g.store(Op::Cpy, {g.view(joined, rows, g.stride(joined), 4 * each)}));
  TensorId out = g.make(Op::SsmConv, {inner, each, seqs, 1}, {joined}, Element::F32, kKernels[third]);
  out = g.unary(Op::Silu, g.reshape(out, {inner, b.tokens, 1, 1}));
  return g.reshape(out, {head, layer.heads, each, seqs});
}

// How fast each channel forgets.
TensorId decay(GraphBuilder& b, const LayerModel& layer, TensorId input) {
  Graph& g = b.graph;
  const std::uint64_t head = b.model.kda_head, inner = layer.heads * head;
  TensorId f = g.mul_mat("ssm_f_a", input, layer.decay_rank != 0 ? layer.decay_rank : inner);
  if (layer.decay_rank != 0) f = g.mul_mat("ssm_f_b", f, inner);
  f = g.with_weight(Op::Add, f, "ssm_dt");
  const bool bounded = b.model.bounded_decay;
  if (!bounded) f = g.unary(Op::Softplus, f);
  f = g.with_weight(Op::Mul, g.reshape(f, {head, layer.heads, b.tokens, 1}), "ssm_a");
  if (bounded) f = g.unary(Op::Scale, g.unary(Op::Sigmoid, f));
  return g.reshape(f, {head, layer.heads, b.tokens / b.sequences, b.sequences});
}

// Kimi's delta attention (llama.cpp src/models/kimi-linear.cpp, bailingmoe3.cpp, delta-net-base.cpp).
TensorId delta_attention(GraphBuilder& b, const LayerModel& layer, TensorId input) {
  Graph& g = b.graph;
  const std::uint64_t past = b.model.ssm.convolution == 0 ? 0 : b.model.ssm.convolution - 1;
  const std::uint64_t seqs = b.sequences, each = b.tokens / seqs;
  const std::uint64_t head = b.model.kda_head, heads = layer.heads, inner = heads * head;
  const TensorId rows = b.load_state(3 * past * inner);
  TensorId q = convolve_third(b, layer, input, rows, 0);
  TensorId k = convolve_third(b, layer, input, rows, 1);
  const TensorId v = convolve_third(b, layer, input, rows, 2);
  const TensorId forget = decay(b, layer, input);
  TensorId beta = g.reshape(g.mul_mat("ssm_beta", input, heads), {1, heads, each, seqs});
  beta = g.unary(Op::Sigmoid, beta);
  const TensorId state = g.reshape(b.load_state(head * inner), {head, head, heads, seqs});
  q = g.unary(Op::Scale, g.unary(Op::RmsNorm, q));
  k = g.unary(Op::Scale, g.unary(Op::RmsNorm, k));
  const TensorId result =
      g.make(Op::GatedDeltaNet, {inner, b.tokens + head * seqs, 1, 1}, {q, k, v, forget, beta, state});
  const Extent after{head, head, heads, seqs}, out{head, heads, each, seqs};
  g.expand(g.store(Op::Cpy,
                   {g.view(result, after, {4, 4 * head, 4 * head * head, 4 * head * inner}, 4 * inner * b.tokens)}));
  TensorId y = g.cont(g.view(result, out, {4, 4 * head, 4 * inner, 4 * inner * each}, 0));
  const Extent flat{head, heads, b.tokens, 1};
  y = b.norm(g.reshape(y, flat), "ssm_norm");
  TensorId gate = g.mul_mat("ssm_g_a", input, layer.gate_rank != 0 ? layer.gate_rank : inner);
  if (layer.gate_rank != 0) gate = g.mul_mat("ssm_g_b", gate, inner);
  y = g.mul(y, g.unary(Op::Sigmoid, g.reshape(gate, flat)));
  return g.mul_mat("attn_output", g.cont(y, {inner, b.tokens, 1, 1}), b.model.embedding);
}

// Each head's values times a gate of its own (bailingmoe3).
TensorId gate_heads(GraphBuilder& b, const LayerModel& layer, TensorId heads, TensorId input) {
  Graph& g = b.graph;
  const TensorId gate = g.reshape(g.mul_mat("attn_gate", input, layer.heads), {1, layer.heads, b.tokens, 1});
  const std::uint64_t value = g.extent(heads)[0] / layer.heads;
  const TensorId by_head = g.reshape(heads, {value, layer.heads, b.tokens, 1});
  return g.cont(g.mul(by_head, g.unary(Op::Sigmoid, gate)), g.extent(heads));
}

TensorId mix_tokens(GraphBuilder& b, const LayerModel& layer, TensorId input) {
  if (layer.recurrent) return delta_attention(b, layer, input);
  TensorId heads = b.latent_heads(layer, input, b.latent_query_source(layer, input), kOutside);
  constexpr std::uint64_t kBoth = kAttentionGate | kGatePerHead;
  const bool by_head = (layer.parts & kBoth) == kBoth;
  heads = by_head ? gate_heads(b, layer, heads, input) : gate_values(b, layer, heads, input);
  return b.graph.mul_mat("attn_output", heads, b.model.embedding);
}

// The residuals that Kimi K3 keeps, and their mixtures with the latest.
class Residuals {
 public:
  explicit Residuals(GraphBuilder& b) : b_(b) {}

  void keep(TensorId current) {
    const Extent one{b_.model.embedding, 1, b_.graph.extent(current)[1], 1};
    const TensorId row = b_.graph.reshape(current, one);
    stack_ = stack_ == kOutside ? row : b_.graph.concat(stack_, row, 1);
  }

  // Each kept residual and the current one, weighed by their scores.
  TensorId mix(TensorId current, std::string_view weight) {
    if (stack_ == kOutside) return current;
    Graph& g = b_.graph;
    const std::uint64_t kept = g.extent(stack_)[1], count = b_.tokens;
    const auto score = [&](TensorId of) { return g.sum_rows(b_.norm(of, weight)); };
    const TensorId earlier = g.reshape(score(stack_), {kept, count, 1, 1});
    const TensorId parts = g.unary(Op::SoftMax, g.concat(earlier, score(current), 0));
    const TensorId of_kept = g.cont(g.columns(parts, 0, kept));
    const TensorId of_current = g.cont(g.columns(parts, kept, 1));
    const TensorId sum = g.make(Op::HyperPre, {b_.model.embedding, count, 1, 1}, {stack_, of_kept});
    return g.add(sum, g.mul(current, of_current));
  }

 private:
  GraphBuilder& b_;
  TensorId stack_ = kOutside;
};

// Routed experts in a narrower space than the model's own, the shared one beside them in that.
TensorId narrow_experts(GraphBuilder& b, const LayerModel& layer, TensorId input) {
  if ((layer.parts & kRouter) == 0) return b.feed_forward(layer, input);
  Graph& g = b.graph;
  const bool narrow = layer.routed != 0;
  const TensorId logits = g.mul_mat("ffn_gate_inp", input, layer.experts);
  TensorId out = b.experts(layer, narrow ? g.mul_mat("ffn_routed_down", input, layer.routed) : input, logits);
  if ((layer.parts & kRoutedNorm) != 0) out = b.norm(out, "ffn_routed_norm");
  if (narrow) out = g.mul_mat("ffn_routed_up", out, b.model.embedding);
  if ((layer.parts & kSharedExpert) != 0)
    out = g.add(out, b.gated(layer, input, layer.shared_ffn, GraphBuilder::GateKind::Own));
  return out;
}

}  // namespace

// Kimi Linear adds its shared expert also where there is none: then the activation alone.
void kimi_delta_recipe(GraphBuilder& b) {
  const bool norm_first = b.model.has(kOneSequence);
  const TensorId result = b.run_layers(b.embed_tokens(), [&](const LayerStep& step) {
    const LayerModel& layer = step.layer;
    const auto mix = [&](TensorId normed) {
      if (norm_first) b.graph.expand(normed);
      return mix_tokens(b, layer, normed);
    };
    return residual_layer(b, step, mix, [&](TensorId normed) {
      const TensorId out = b.feed_forward(layer, normed);
      const bool bare = (layer.parts & (kRouter | kSharedExpert)) == kRouter;
      return bare ? b.graph.add(out, b.graph.unary(Op::Silu, normed)) : out;
    });
  });
  b.output_head(result);
}

// llama.cpp src/models/kimi-k3.cpp.
void kimi_k3_recipe(GraphBuilder& b) {
  Residuals residuals(b);
  const std::uint64_t block = b.model.residual_block;
  TensorId result = b.run_layers(b.embed_tokens(), [&](const LayerStep& step) {
    TensorId sum = step.input;
    TensorId current = residuals.mix(sum, "attn_res_score");
    const bool keep = block != 0 && step.number % block == 0;
    if (keep) residuals.keep(sum);
    current = b.norm(current, "attn_norm");
    b.graph.expand(current);
    current = mix_tokens(b, step.layer, current);
    sum = keep ? current : b.graph.add(sum, current);
    current = b.norm(residuals.mix(sum, "ffn_res_score"), "ffn_norm");
    return b.graph.add(sum, narrow_experts(b, step.layer, current));
  });
  b.output_head(b.pick_rows(residuals.mix(result, "output_res_score")));
}

}  // namespace weigh::core
