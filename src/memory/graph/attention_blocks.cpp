#include <algorithm>
#include <array>

#include "src/memory/graph/graph_builder.h"

namespace weigh::core {

// Turns rows in pieces of the rotation's size (llama.cpp, llama_mul_mat_hadamard).
TensorId GraphBuilder::rotate(TensorId of, TensorId rotation) {
  if (rotation == kOutside || of == kOutside) return of;
  const Extent extent = graph.tensor(of).extent;
  const std::uint64_t piece = graph.tensor(rotation).extent[0];
  const std::uint64_t values = graph.tensor(of).extent[0] * extent[1] * extent[2] * extent[3];
  const Extent pieces{piece, values / piece, 1, 1};
  const TensorId rows = graph.is_contiguous(of) ? graph.reshape(of, pieces) : graph.cont(of, pieces);
  return graph.reshape(graph.mul_mat(rotation, rows), extent);
}

TensorId GraphBuilder::split_streams(TensorId q) {
  const GraphTensor& t = graph.tensor(q);
  const std::uint64_t streams = cells.streams;
  const Extent extent{t.extent[0], t.extent[1], t.extent[2] / streams, streams};
  const Extent stride{t.stride[0], t.stride[1], t.stride[2], t.stride[3] / streams};
  return graph.permute(graph.view(q, extent, stride, 0), {0, 2, 1, 3});
}

void GraphBuilder::store_keys(const CacheInputs& inputs, TensorId k) {
  const Extent extent = graph.tensor(k).extent;
  const Extent stride = graph.tensor(k).stride;
  const Extent rows{extent[0] * extent[1], extent[2], 1, 1};
  const TensorId flat = graph.view(k, rows, {stride[0], stride[2], stride[2] * rows[1], stride[2] * rows[1]}, 0);
  graph.expand(graph.store(Op::SetRows, {flat, inputs.key_cells}));
}

void GraphBuilder::store_values(const CacheInputs& inputs, TensorId v) {
  const Extent extent = graph.tensor(v).extent;
  const Extent stride = graph.tensor(v).stride;
  const Extent rows{extent[0] * extent[1], extent[2], 1, 1};
  if (run.flash_attention) {
    const TensorId flat = graph.view(v, rows, {stride[0], stride[2], stride[2] * rows[1], stride[2] * rows[1]}, 0);
    graph.expand(graph.store(Op::SetRows, {flat, inputs.value_cells}));
    return;
  }
  TensorId flat = graph.is_contiguous(v) ? graph.reshape(v, rows) : graph.cont(v, rows);
  const std::uint64_t widest = value_width(model, model.layers.front(), run);
  if (rows[0] < widest) flat = graph.make(Op::Pad, {widest, rows[1], 1, 1}, {flat});
  flat = graph.reshape(flat, {1, std::max(rows[0], widest) * rows[1], 1, 1});
  graph.expand(graph.store(Op::SetRows, {flat, inputs.value_cells}));
}

TensorId GraphBuilder::cached(std::string_view name, Dtype type, std::uint64_t width, std::uint64_t rows) {
  const Bytes row = tensor_bytes(type, std::array<std::uint64_t, 1>{width});
  return graph.cache(name, times(row, product({rows, cells.streams})).value_or(0));
}

// Queries against all cells, soft max, values: as one operation with flash attention, with the whole score matrix
// without (llama.cpp, build_attn_mha). K and V are kOutside when they come out of the cache.
TensorId GraphBuilder::weigh_values(const LayerModel& layer, TensorId q, TensorId k, TensorId v,
                                    std::uint64_t value_head, TensorId mask) {
  CacheInputs inputs = inputs_of(layer);
  if (mask != kOutside) inputs.mask = mask;
  return weigh(layer, inputs, {q, k, v}, value_head);
}

TensorId GraphBuilder::weigh(const LayerModel& layer, const CacheInputs& inputs, Projections of,
                             std::uint64_t value_head, TensorId bias) {
  auto [q, k, v] = of;
  const TensorId mask = inputs.mask;
  const std::uint64_t seen = inputs.cells;
  const std::uint64_t heads = graph.tensor(q).extent[1];
  const std::uint64_t streams = cells.streams;
  const std::uint64_t each = graph.tensor(q).extent[2] / streams;
  const TensorId queries = split_streams(q);
  TensorId result = kOutside;
  const bool absorbed = layer.mixer == Mixer::Latent && (layer.parts & kAbsorbed) != 0;
  const bool from_cache = k == kOutside;
  if (from_cache) {
    k = cached("cache_k", run.key_type, layer.key_head * layer.kv_heads, seen);
    if (!absorbed) v = cached("cache_v", run.value_type, value_width(model, layer, run), seen);
  } else {
    k = graph.permute(k, {0, 2, 1, 3});
    v = graph.permute(v, {0, 2, 1, 3});
  }
  if (run.flash_attention && bias == kOutside) {
    if (!from_cache) k = graph.as_f16(k);
    if (!from_cache) v = graph.as_f16(v);
    result = graph.make(Op::FlashAttention, {value_head, heads, each, streams}, {queries, k, v, mask});
    if (absorbed) {
      result = graph.mul_mat("attn_v_b", graph.permute(result, {0, 2, 1, 3}), layer.latent.value_head);
      result = graph.cont(graph.permute(result, {0, 2, 1, 3}));
    }
    const Extent e = graph.tensor(result).extent;
    result = graph.reshape(result, {e[0] * e[1], e[2] * e[3], 1, 1});
  } else {
    TensorId scores = graph.make(Op::MulMat, {seen, each, heads, streams}, {k, queries});
    if (bias != kOutside) scores = graph.add(scores, bias);
    scores = graph.like(Op::SoftMax, scores, mask);
    if (!from_cache) v = graph.cont(graph.transpose(v));
    // A cache for flash attention has its values as they are, not turned.
    const bool turned = from_cache && run.flash_attention && bias != kOutside;
    if (turned) v = graph.make(Op::Cont, {seen, value_head, layer.kv_heads, streams}, {v}, Element::F16);
    // Values that are a part of the keys' cache are turned for each batch.
    if (absorbed) v = graph.make(Op::Cont, {seen, value_head, 1, streams}, {k}, Element::F16);
    result = graph.make(Op::MulMat, {value_head, each, heads, streams}, {v, scores});
    if (absorbed) result = graph.mul_mat("attn_v_b", result, layer.latent.value_head);
    const std::uint64_t width = graph.tensor(result).extent[0] * heads;
    result = graph.cont(graph.permute(result, {0, 2, 1, 3}), {width, each * streams, 1, 1});
  }
  graph.expand(result);
  return result;
}

TensorId GraphBuilder::attend(const LayerModel& layer, TensorId q, TensorId k, TensorId v, TensorId bias) {
  const CacheInputs& inputs = inputs_of(layer);
  q = rotate(q, inputs.key_rotation);
  k = rotate(k, inputs.key_rotation);
  v = rotate(v, inputs.value_rotation);
  const bool windows = model.window != 0;
  graph.expand(q);
  if (caches && layer.cached) {
    graph.expand(windows ? k : v);
    graph.expand(windows ? v : k);
    store_keys(inputs, k);
    store_values(inputs, v);
    k = v = kOutside;
  } else if (k != kOutside) {
    graph.expand(k);
    graph.expand(v);
  }
  const TensorId result = weigh(layer, inputs, {q, k, v}, layer.value_head, bias);
  return rotate(result, inputs.value_rotation);
}

ProjectedHeads GraphBuilder::project(const LayerModel& layer, TensorId input) {
  const std::uint64_t q_width = layer.heads * layer.key_head;
  const std::uint64_t k_width = layer.kv_heads * layer.key_head;
  const std::uint64_t v_width = layer.kv_heads * layer.value_head;
  const Extent q_heads{layer.key_head, layer.heads, tokens, 1};
  const Extent k_heads{layer.key_head, layer.kv_heads, tokens, 1};
  const Extent v_heads{layer.value_head, layer.kv_heads, tokens, 1};
  const bool gate = (layer.parts & kQueryGate) != 0;
  TensorId q = kOutside, k = kOutside, v = kOutside, joined = kOutside;
  if ((layer.parts & kJointQkv) != 0) {
    const TensorId qkv = graph.mul_mat("attn_qkv", input, q_width + k_width + v_width);
    const std::uint64_t row = graph.tensor(qkv).stride[1];
    const auto part = [&](const Extent& extent, std::uint64_t offset) {
      return graph.view(qkv, extent, {4, 4 * extent[0], row, row * tokens}, 4 * offset);
    };
    q = part(q_heads, 0);
    k = part(k_heads, q_width);
    v = part(v_heads, q_width + k_width);
  } else {
    const bool flat = (layer.parts & kFlatNorms) != 0;
    q = joined = graph.mul_mat("attn_q", input, gate ? 2 * q_width : q_width);
    k = graph.mul_mat("attn_k", input, k_width);
    v = graph.mul_mat("attn_v", input, v_width);
    if (flat) {
      q = norm(q, "attn_q_norm");
      k = norm(k, "attn_k_norm");
    }
    const std::uint64_t head = 4 * layer.key_head;
    q = gate ? graph.view(joined, q_heads, {4, 2 * head, 2 * head * layer.heads, 2 * head * layer.heads * tokens}, 0)
             : graph.reshape(q, q_heads);
    k = graph.reshape(k, k_heads);
    v = graph.reshape(v, v_heads);
  }
  const auto norm_heads = [&] {
    if ((layer.parts & kHeadNorms) == 0) return;
    q = norm(q, "attn_q_norm");
    k = norm(k, "attn_k_norm");
  };
  if (!model.has(kNormBehindRope)) norm_heads();
  q = rope(layer, q);
  k = rope(layer, k);
  if (model.has(kNormBehindRope)) norm_heads();
  if (model.has(kScaledQuery)) q = graph.unary(Op::Scale, q);
  return {{q, k, v}, joined};
}

TensorId GraphBuilder::attention(const LayerModel& layer, TensorId input) {
  const auto [heads, joined] = project(layer, input);
  TensorId result = attend(layer, heads.q, heads.k, heads.v);
  if ((layer.parts & kQueryGate) != 0) {
    const Extent q_heads{layer.key_head, layer.heads, tokens, 1};
    const std::uint64_t head = 4 * layer.key_head;
    const TensorId half =
        graph.view(joined, q_heads, {4, 2 * head, 2 * head * layer.heads, 2 * head * layer.heads * tokens}, head);
    result =
        graph.mul(result, graph.unary(Op::Sigmoid, graph.cont(half, {layer.heads * layer.key_head, tokens, 1, 1})));
  }
  return attention_output(layer, result, input);
}

// The heads' results, gated and normed where the layer does so, and their projection.
TensorId GraphBuilder::attention_output(const LayerModel& layer, TensorId result, TensorId input) {
  if ((layer.parts & kGatePerHead) != 0) {
    const Extent flat = graph.extent(result);
    const TensorId gate = graph.unary(Op::Sigmoid, graph.mul_mat("attn_gate", input, layer.heads));
    const TensorId heads = graph.reshape(result, {layer.value_head, layer.heads, tokens, 1});
    result = graph.reshape(graph.mul(heads, graph.reshape(gate, {1, layer.heads, tokens, 1})), flat);
  } else if ((layer.parts & kAttentionGate) != 0) {
    result = graph.mul(result, graph.unary(Op::Sigmoid, graph.mul_mat("attn_gate", input, graph.extent(result)[0])));
  }
  if ((layer.parts & kAttentionSubNorm) != 0) result = norm(result, "attn_sub_norm");
  return graph.mul_mat("attn_output", result, model.embedding);
}

TensorId GraphBuilder::attend_latent(const LayerModel& layer, TensorId q, TensorId k, TensorId mask) {
  graph.expand(q);
  graph.expand(k);
  store_keys(inputs_of(layer), k);
  return weigh_values(layer, q, kOutside, kOutside, layer.latent.rank, mask);
}

// DeepSeek's attention: one narrow row for keys and values of all heads (llama.cpp src/models/deepseek2.cpp).
TensorId GraphBuilder::latent_attention(const LayerModel& layer, TensorId input) {
  const TensorId heads = latent_heads(layer, input, latent_query_source(layer, input), kOutside);
  return graph.mul_mat("attn_output", heads, model.embedding);
}

// What the queries are made of: the input, or a row of low rank.
TensorId GraphBuilder::latent_query_source(const LayerModel& layer, TensorId input) {
  if ((layer.parts & kLowRankQuery) == 0) return input;
  return norm(graph.mul_mat("attn_q_a", input, model.q_lora_rank), "attn_q_a_norm");
}

// Attention as far as its heads' values. Without a mask of the caller's own, that of the layer's cache.
TensorId GraphBuilder::latent_heads(const LayerModel& layer, TensorId input, TensorId query_source, TensorId mask) {
  const bool absorbed = (layer.parts & kAbsorbed) != 0;
  const std::uint64_t key = absorbed ? layer.latent.key_head : layer.key_head;
  const std::uint64_t value = absorbed ? layer.latent.value_head : layer.value_head;
  const std::uint64_t turned = std::min(model.rope_dimensions, key);
  const std::uint64_t plain = key - turned;
  const std::uint64_t rank = layer.latent.rank;
  const bool low_rank = (layer.parts & kLowRankQuery) != 0;
  const TensorId q = graph.mul_mat(low_rank ? "attn_q_b" : "attn_q", query_source, layer.heads * key);
  const Extent q_stride{4, 4 * key, 4 * key * layer.heads, 4 * key * layer.heads * tokens};
  TensorId q_plain = graph.view(q, {plain, layer.heads, tokens, 1}, q_stride, 0);
  TensorId q_turned = graph.view(q, {turned, layer.heads, tokens, 1}, q_stride, 4 * plain);
  const TensorId kv = graph.mul_mat("attn_kv_a_mqa", input, rank + turned);
  const std::uint64_t row = graph.tensor(kv).stride[1];
  TensorId compressed = graph.view(kv, {rank, tokens, 1, 1}, {4, row, row * tokens, row * tokens}, 0);
  TensorId k_turned = graph.view(kv, {turned, 1, tokens, 1}, {4, row, row, row * tokens}, 4 * rank);
  q_turned = rope(layer, q_turned);
  if ((layer.parts & kKeyNorm) != 0) k_turned = norm(k_turned, "attn_k_norm");
  k_turned = rope(layer, k_turned);
  compressed = norm(compressed, "attn_kv_a_norm");
  if (absorbed) {
    q_plain = graph.mul_mat("attn_k_b", graph.permute(q_plain, {0, 2, 1, 3}), rank);
    q_plain = graph.permute(q_plain, {0, 2, 1, 3});
    const TensorId queries = graph.concat(q_plain, q_turned, 0);
    compressed = graph.reshape(compressed, {rank, 1, tokens, 1});
    const TensorId keys = graph.concat(compressed, k_turned, 0);
    return attend_latent(layer, queries, keys, mask);
  }
  const TensorId expanded = graph.mul_mat("attn_kv_b", compressed, layer.heads * (plain + value));
  const std::uint64_t head = 4 * (plain + value);
  const Extent stride{4, head, head * layer.heads, head * layer.heads * tokens};
  const TensorId k_plain = graph.view(expanded, {plain, layer.heads, tokens, 1}, stride, 0);
  const TensorId values = graph.cont(graph.view(expanded, {value, layer.heads, tokens, 1}, stride, 4 * plain));
  const TensorId queries = model.has(kWholeQueryRope) ? rope(layer, graph.reshape(q, {key, layer.heads, tokens, 1}))
                                                      : graph.concat(q_plain, q_turned, 0);
  const TensorId repeated = graph.make(Op::Repeat, {turned, layer.heads, tokens, 1}, {k_turned});
  const TensorId keys = graph.concat(k_plain, repeated, 0);
  return attend(layer, queries, keys, values);
}

}  // namespace weigh::core
