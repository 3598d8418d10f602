#include <algorithm>

#include "src/memory/graph/graph_builder.h"

namespace weigh::core {

// Rows of a state cache, one for each sequence (llama.cpp, build_rs). The rows of sequences outside of the batch are
// copied as they are; there are none when all are reserved, and the copy is empty.
TensorId GraphBuilder::copy_rows(std::uint64_t values) {
  return graph.make(Op::GetRows, {values, sequences, 1, 1}, {state_rows.batch});
}

TensorId GraphBuilder::load_state(std::uint64_t values) {
  const TensorId state = copy_rows(values);
  graph.expand(state);
  const std::uint64_t others = run.sequences - sequences;
  const TensorId rest = graph.make(Op::GetRows, {values, others, 1, 1}, {state_rows.others});
  graph.expand(graph.store(Op::Cpy, {rest}));
  return state;
}

// The convolution over the last few tokens: what the state remembers of them, then this batch's.
TensorId GraphBuilder::convolve(TensorId input, std::uint64_t channels, bool copied) {
  return behind_past(input, model.ssm.convolution == 0 ? 0 : model.ssm.convolution - 1, channels, copied);
}

TensorId GraphBuilder::behind_past(TensorId input, std::uint64_t past, std::uint64_t channels, bool copied) {
  const std::uint64_t seqs = run.sequences, each = tokens / seqs;
  const TensorId state = graph.reshape(load_state(past * channels), {past, channels, seqs, 1});
  const TensorId joined = graph.concat(state, graph.transpose(input), 0);
  const Extent stride = graph.tensor(joined).stride;
  const TensorId kept = graph.view(joined, {past, channels, seqs, 1}, stride, 4 * each);
  graph.expand(graph.store(Op::Cpy, {copied ? graph.cont(kept) : kept}));
  return joined;
}

// Mamba's first version (llama.cpp, build_mamba_layer).
TensorId GraphBuilder::mamba(const LayerModel& layer, TensorId input) {
  const StateSpace& s = model.ssm;
  const std::uint64_t seqs = run.sequences, each = tokens / seqs;
  const TensorId in = graph.reshape(input, {model.embedding, each, seqs, 1});
  const TensorId xz = graph.mul_mat("ssm_in", in, 2 * s.inner);
  const Extent half{s.inner, each, seqs, 1};
  const Extent stride = graph.tensor(xz).stride;
  const TensorId x_in = graph.view(xz, half, stride, 0);
  const TensorId z = graph.view(xz, half, stride, 4 * s.inner);
  const TensorId joined = convolve(x_in, s.inner);
  TensorId x = graph.make(Op::SsmConv, half, {joined}, Element::F32, "ssm_conv1d");
  x = graph.unary(Op::Silu, x);
  const TensorId x_db = graph.mul_mat("ssm_x", x, s.rank + 2 * s.state);
  const Extent db = graph.tensor(x_db).stride;
  const TensorId dt_low = graph.view(x_db, {s.rank, each, seqs, 1}, db, 0);
  const Extent bc{4, 4 * s.state, db[1], db[2]};
  const bool norms = (layer.parts & kStateNorms) != 0;
  const auto normed = [&](TensorId of, std::string_view weight) { return norms ? norm(of, weight) : of; };
  const TensorId dt = graph.mul_mat("ssm_dt", normed(dt_low, "ssm_dt_norm"), s.inner);
  const TensorId b = normed(graph.view(x_db, {s.state, 1, each, seqs}, bc, 4 * s.rank), "ssm_b_norm");
  const TensorId c = normed(graph.view(x_db, {s.state, 1, each, seqs}, bc, 4 * (s.rank + s.state)), "ssm_c_norm");
  const TensorId x_heads = graph.reshape(x, {1, s.inner, each, seqs});
  const std::uint64_t scanned = s.inner * tokens + s.state * s.inner * seqs;
  const TensorId scan = graph.make(Op::SsmScan, {scanned, 1, 1, 1}, {x_heads, dt, b, c, state_rows.batch});
  graph.expand(scan);
  graph.expand(graph.store(
      Op::Cpy, {graph.view(scan, {s.state * s.inner * seqs, 1, 1, 1}, {4, 4, 4, 4}, 4 * s.inner * tokens)}));
  TensorId y = graph.view(scan, half, {4, 4 * s.inner, 4 * s.inner * each, 4 * s.inner * tokens}, 0);
  y = graph.add(y, graph.with_weight(Op::Mul, x, "ssm_d"));
  y = graph.make(Op::Swiglu, half, {graph.cont(z), y});
  return graph.reshape(graph.mul_mat("ssm_out", y, model.embedding), {model.embedding, tokens, 1, 1});
}

// Mamba-2 (llama.cpp, build_mamba2_layer).
TensorId GraphBuilder::mamba2(const LayerModel& layer, TensorId input) {
  const StateSpace& s = model.ssm;
  const std::uint64_t seqs = run.sequences, each = tokens / seqs;
  const std::uint64_t heads = s.rank == 0 ? 1 : s.rank, head = s.inner / heads;
  const std::uint64_t channels = s.inner + 2 * s.groups * s.state;
  const TensorId in = graph.reshape(input, {model.embedding, each, seqs, 1});
  const TensorId all = graph.mul_mat("ssm_in", in, s.inner + channels + heads);
  const Extent stride = graph.tensor(all).stride;
  const Extent by_head{4, 4 * head, stride[1], stride[2]};
  const Extent heads_extent{head, heads, each, seqs};
  const TensorId z = graph.view(all, heads_extent, by_head, 0);
  const TensorId mixed = graph.view(all, {channels, each, seqs, 1}, stride, 4 * s.inner);
  const TensorId dt_in = graph.view(all, {heads, each, seqs, 1}, stride, 4 * (s.inner + channels));
  const TensorId joined = convolve(mixed, channels);
  TensorId x_all = graph.make(Op::SsmConv, {channels, each, seqs, 1}, {joined}, Element::F32, "ssm_conv1d");
  x_all = graph.unary(Op::Silu, x_all);
  const Extent rows_of = graph.tensor(x_all).stride;
  const TensorId x = graph.view(x_all, heads_extent, {4, 4 * head, rows_of[1], rows_of[2]}, 0);
  const Extent groups{s.state, s.groups, each, seqs};
  const Extent group_stride{4, 4 * s.state, rows_of[1], rows_of[2]};
  const TensorId b = graph.view(x_all, groups, group_stride, 4 * s.inner);
  const TensorId c = graph.view(x_all, groups, group_stride, 4 * (s.inner + s.groups * s.state));
  const TensorId dt = graph.cont(dt_in);
  const std::uint64_t scanned = s.inner * tokens + s.state * s.inner * seqs;
  const TensorId scan = graph.make(Op::SsmScan, {scanned, 1, 1, 1}, {x, dt, b, c, state_rows.batch});
  graph.expand(scan);
  graph.expand(graph.store(
      Op::Cpy, {graph.view(scan, {s.state * s.inner * seqs, 1, 1, 1}, {4, 4, 4, 4}, 4 * s.inner * tokens)}));
  TensorId y = graph.view(scan, heads_extent, {4, 4 * head, 4 * s.inner, 4 * s.inner * each}, 0);
  y = graph.add(y, graph.with_weight(Op::Mul, x, "ssm_d"));
  y = graph.make(Op::Swiglu, heads_extent, {graph.cont(z), y});
  if ((layer.parts & kStateNorm) != 0) {
    const std::uint64_t parts = std::max<std::uint64_t>(s.groups, 1);
    y = norm(graph.reshape(y, {s.inner / parts, parts, each, seqs}), "ssm_norm");
  }
  return graph.mul_mat("ssm_out", graph.reshape(y, {s.inner, tokens, 1, 1}), model.embedding);
}

// PLaMo 2's (llama.cpp src/models/plamo2.cpp): heads as Mamba-2 has, and a step, B and C as Mamba has, each normed.
TensorId GraphBuilder::plamo_mamba(TensorId input) {
  const StateSpace& s = model.ssm;
  const std::uint64_t seqs = run.sequences, each = tokens / seqs;
  const std::uint64_t heads = std::max<std::uint64_t>(s.rank, 1), head = s.inner / heads;
  const std::uint64_t step = std::max<std::uint64_t>(64, model.embedding / 16);
  const Extent by_head{head, heads, each, seqs}, flat{s.inner, each, seqs, 1};
  const TensorId both =
      graph.cont(graph.mul_mat("ssm_in", graph.reshape(input, {model.embedding, each, seqs, 1}), 2 * s.inner),
                 {2 * head, heads, each, seqs});
  const TensorId x_in = graph.cont(graph.columns(both, head, head), flat);
  const TensorId joined = convolve(x_in, s.inner);
  const TensorId x = graph.unary(Op::Silu, graph.make(Op::SsmConv, flat, {joined}, Element::F32, "ssm_conv1d"));
  const TensorId low = graph.mul_mat("ssm_x", x, step + 2 * s.state);
  const TensorId b = norm(graph.columns(low, 0, s.state), "ssm_b_norm");
  const TensorId c = norm(graph.columns(low, s.state, s.state), "ssm_c_norm");
  const TensorId dt = graph.mul_mat("ssm_dt", norm(graph.columns(low, 2 * s.state, step), "ssm_dt_norm"), heads);
  const std::uint64_t out = s.inner * tokens;
  const TensorId x_heads = graph.reshape(x, by_head);
  const TensorId scan =
      graph.make(Op::SsmScan, {out + s.state * s.inner * seqs, 1, 1, 1}, {x_heads, dt, b, c, state_rows.batch});
  graph.expand(scan);
  graph.expand(graph.store(Op::Cpy, {graph.view(scan, {s.state * s.inner * seqs, 1, 1, 1}, {4, 4, 4, 4}, 4 * out)}));
  const TensorId z = graph.cont(graph.columns(both, 0, head));
  TensorId y = graph.view(scan, by_head, {4, 4 * head, 4 * s.inner, 4 * s.inner * each}, 0);
  y = graph.make(Op::Swiglu, by_head, {z, graph.add(y, graph.with_weight(Op::Mul, x_heads, "ssm_d"))});
  return graph.reshape(graph.mul_mat("ssm_out", graph.reshape(y, flat), model.embedding),
                       {model.embedding, tokens, 1, 1});
}

// Gated delta net with the fused kernel (llama.cpp src/models/qwen35.cpp, delta-net-base.cpp).
TensorId GraphBuilder::delta_net(TensorId input, bool copied) {
  const StateSpace& s = model.ssm;
  const std::uint64_t seqs = run.sequences, each = tokens / seqs;
  const std::uint64_t heads = s.rank == 0 ? 1 : s.rank, head = s.inner / heads;
  const std::uint64_t channels = s.inner + 2 * s.groups * s.state;
  const TensorId mixed = graph.reshape(graph.mul_mat("attn_qkv", input, channels), {channels, each, seqs, 1});
  const TensorId z = graph.mul_mat("attn_gate", input, s.inner);
  TensorId beta = graph.reshape(graph.mul_mat("ssm_beta", input, heads), {1, heads, each, seqs});
  beta = graph.unary(Op::Sigmoid, beta);
  TensorId gate = graph.reshape(graph.mul_mat("ssm_alpha", input, heads), {heads, each, seqs, 1});
  gate = graph.with_weight(Op::Mul, graph.unary(Op::Softplus, graph.with_weight(Op::Add, gate, "ssm_dt")), "ssm_a");
  gate = graph.reshape(gate, {1, heads, each, seqs});
  const TensorId joined = convolve(mixed, channels, copied);
  TensorId state = load_state(s.state * s.inner);
  state = graph.reshape(state, {head, head, heads, seqs});
  const TensorId convolved =
      graph.unary(Op::Silu, graph.make(Op::SsmConv, {channels, each, seqs, 1}, {joined}, Element::F32, "ssm_conv1d"));
  const Extent row = graph.tensor(convolved).stride;
  const Extent keys{s.state, s.groups, each, seqs};
  const Extent by_key{4, 4 * s.state, row[1], row[2]};
  const TensorId q = graph.unary(Op::Scale, graph.make(Op::RmsNorm, keys, {graph.view(convolved, keys, by_key, 0)}));
  const TensorId k = graph.unary(
      Op::Scale, graph.make(Op::RmsNorm, keys, {graph.view(convolved, keys, by_key, 4 * s.state * s.groups)}));
  const TensorId v =
      graph.view(convolved, {head, heads, each, seqs}, {4, 4 * head, row[1], row[2]}, 8 * s.state * s.groups);
  const TensorId result =
      graph.make(Op::GatedDeltaNet, {head * heads, tokens + head * seqs, 1, 1}, {q, k, v, gate, beta, state});
  const std::uint64_t out_bytes = 4 * head * heads * tokens;
  const Extent by_head{4, 4 * head, 4 * head * heads, 4 * head * heads * each};
  const TensorId out = graph.view(result, {head, heads, each, seqs}, by_head, 0);
  const TensorId after =
      graph.view(result, {head, head, heads, seqs}, {4, 4 * head, 4 * head * head, 4 * head * head * heads}, out_bytes);
  graph.expand(graph.store(Op::Cpy, {after}));
  TensorId y = norm(out, "ssm_norm");
  y = graph.mul(y, graph.unary(Op::Silu, graph.reshape(z, {head, heads, each, seqs})));
  y = graph.reshape(y, {head * heads, each, seqs, 1});
  return graph.reshape(graph.mul_mat("ssm_out", y, model.embedding), {model.embedding, tokens, 1, 1});
}

// LFM2's gated short convolution (llama.cpp src/models/lfm2.cpp).
TensorId GraphBuilder::short_convolution(TensorId input) {
  const std::uint64_t seqs = run.sequences, each = tokens / seqs, width = model.embedding;
  const std::uint64_t past = model.short_convolution == 0 ? 0 : model.short_convolution - 1;
  const TensorId in = graph.reshape(input, {width, each, seqs, 1});
  const TensorId bcx = graph.mul_mat("shortconv.in_proj", in, 3 * width);
  const Extent stride = graph.tensor(bcx).stride;
  const Extent third{width, each, seqs, 1};
  const TensorId b = graph.view(bcx, third, stride, 0);
  const TensorId c = graph.view(bcx, third, stride, 4 * width);
  const TensorId x = graph.view(bcx, third, stride, 8 * width);
  const TensorId bx = graph.transpose(graph.mul(b, x));
  const TensorId state = graph.reshape(load_state(past * width), {past, width, seqs, 1});
  const TensorId joined = graph.concat(state, bx, 0);
  graph.expand(
      graph.store(Op::Cpy, {graph.view(joined, {past, width, seqs, 1}, graph.tensor(joined).stride, 4 * each)}));
  const TensorId out = graph.mul(c, graph.make(Op::SsmConv, third, {joined}, Element::F32, "shortconv.conv"));
  return graph.reshape(graph.mul_mat("shortconv.out_proj", out, width), {width, tokens, 1, 1});
}

}  // namespace weigh::core
