#include "tests/model/family_recipes.h"

namespace weigh::test {

namespace {

using Shape = std::vector<std::uint64_t>;

// Collects tensors below a prefix.
class Writer {
 public:
  void at(std::string prefix) { prefix_ = std::move(prefix); }
  void weight(const std::string& name, Shape shape) { whole(name + ".weight", std::move(shape)); }
  void bias(const std::string& name, std::uint64_t size) { whole(name + ".bias", {size}); }
  void whole(const std::string& name, Shape shape) {
    specs_.push_back({prefix_ + name, Dtype::BF16, std::move(shape)});
  }
  void linear(const std::string& name, std::uint64_t rows, std::uint64_t columns, bool with_bias) {
    weight(name, {rows, columns});
    if (with_bias) bias(name, rows);
  }
  [[nodiscard]] std::vector<TensorSpec> take() { return std::move(specs_); }

 private:
  std::string prefix_;
  std::vector<TensorSpec> specs_;
};

bool has_experts(const Family& f, std::uint64_t layer) {
  return f.moe && layer >= f.moe->dense_first && (layer + 1) % f.moe->every == 0;
}
bool has_delta(const Family& f, std::uint64_t layer) { return f.delta && (layer + 1) % f.delta->interval != 0; }

// ---- Hugging Face names ----

void attention(const Family& f, Writer& w) {
  const AttentionShape& a = f.attention;
  const std::uint64_t q = a.heads * a.size, kv = a.kv_heads * a.size;
  const std::string part = f.fused_names ? "attention." : "self_attn.";
  if (a.fused) {
    w.linear(part + (f.fused_names ? "query_key_value" : "qkv_proj"), q + 2 * kv, f.width, a.qkv_bias);
  } else {
    w.linear(part + "q_proj", a.gated ? 2 * q : q, f.width, a.qkv_bias);
    w.linear(part + "k_proj", kv, f.width, a.qkv_bias);
    w.linear(part + "v_proj", kv, f.width, a.qkv_bias);
  }
  w.linear(part + (f.fused_names ? "dense" : "o_proj"), f.width, q, a.output_bias);
  const std::string names[2] = {f.fused_names ? "query_layernorm" : "q_norm",
                                f.fused_names ? "key_layernorm" : "k_norm"};
  if (a.norm != QkNorm::None) {
    w.weight(part + names[0], {a.norm == QkNorm::Whole ? q : a.size});
    w.weight(part + names[1], {a.norm == QkNorm::Whole ? kv : a.size});
  }
  if (a.sinks) w.whole(part + "sinks", {a.heads});
}

void latent(const Family& f, Writer& w) {
  const LatentShape& m = *f.latent;
  const std::uint64_t heads = f.attention.heads, q = heads * (m.plain + m.rotated);
  if (m.query_rank != 0) {
    w.weight("self_attn.q_a_proj", {m.query_rank, f.width});
    w.weight("self_attn.q_a_layernorm", {m.query_rank});
    w.weight("self_attn.q_b_proj", {q, m.query_rank});
  } else {
    w.weight("self_attn.q_proj", {q, f.width});
  }
  w.weight("self_attn.kv_a_proj_with_mqa", {m.kv_rank + m.rotated, f.width});
  w.weight("self_attn.kv_a_layernorm", {m.kv_rank});
  w.weight("self_attn.kv_b_proj", {heads * (m.plain + m.value), m.kv_rank});
  w.weight("self_attn.o_proj", {f.width, heads * m.value});
}

void delta(const Family& f, Writer& w) {
  const DeltaShape& d = *f.delta;
  const std::uint64_t k = d.key_heads * d.size, v = d.value_heads * d.size;
  if (d.split) {
    w.weight("linear_attn.in_proj_qkv", {2 * k + v, f.width});
    w.weight("linear_attn.in_proj_z", {v, f.width});
    w.weight("linear_attn.in_proj_a", {d.value_heads, f.width});
    w.weight("linear_attn.in_proj_b", {d.value_heads, f.width});
  } else {
    w.weight("linear_attn.in_proj_qkvz", {2 * k + 2 * v, f.width});
    w.weight("linear_attn.in_proj_ba", {2 * d.value_heads, f.width});
  }
  w.weight("linear_attn.conv1d", {2 * k + v, 1, d.kernel});
  w.whole("linear_attn.A_log", {d.value_heads});
  w.whole("linear_attn.dt_bias", {d.value_heads});
  w.weight("linear_attn.norm", {d.size});
  w.weight("linear_attn.out_proj", {f.width, v});
}

void dense(const Family& f, const std::string& part, std::uint64_t inner, Writer& w) {
  if (f.fused_ffn) {
    w.weight(part + ".gate_up_proj", {2 * inner, f.width});
  } else {
    w.weight(part + ".gate_proj", {inner, f.width});
    w.weight(part + ".up_proj", {inner, f.width});
  }
  w.weight(part + ".down_proj", {f.width, inner});
}

void stacked_experts(const Family& f, const MoeShape& m, Writer& w) {
  const ExpertNaming& n = m.naming;
  const std::string end = n.storage == ExpertNaming::Storage::StackedPlain ? "" : ".weight";
  const Shape in = n.flipped ? Shape{m.experts, f.width, 2 * m.width} : Shape{m.experts, 2 * m.width, f.width};
  const Shape out = n.flipped ? Shape{m.experts, m.width, f.width} : Shape{m.experts, f.width, m.width};
  w.whole(n.moe + n.up + end, in);
  w.whole(n.moe + n.down + end, out);
  if (!m.expert_bias) return;
  w.whole(n.moe + n.up + "_bias", {m.experts, 2 * m.width});
  w.whole(n.moe + n.down + "_bias", {m.experts, f.width});
}

void experts(const Family& f, Writer& w) {
  const MoeShape& m = *f.moe;
  const ExpertNaming& n = m.naming;
  w.linear(n.moe + '.' + n.router, m.experts, f.width, m.router_bias);
  if (!n.selection_bias.empty()) w.whole(n.moe + '.' + n.selection_bias, {m.experts});
  if (n.storage != ExpertNaming::Storage::Each) {
    stacked_experts(f, m, w);
  } else {
    for (std::uint64_t e = 0; e < m.experts; ++e) {
      const std::string expert = n.moe + ".experts." + std::to_string(e) + '.';
      w.weight(expert + n.gate, {m.width, f.width});
      w.weight(expert + n.up, {m.width, f.width});
      w.weight(expert + n.down, {f.width, m.width});
    }
  }
  if (m.shared_width == 0) return;
  const std::string shared = n.moe + '.' + n.shared;
  w.weight(shared + ".gate_proj", {m.shared_width, f.width});
  w.weight(shared + ".up_proj", {m.shared_width, f.width});
  w.weight(shared + ".down_proj", {f.width, m.shared_width});
  if (m.shared_gate) w.weight(shared + "_gate", {1, f.width});
}

void block(const Family& f, std::uint64_t layer, Writer& w) {
  w.weight("input_layernorm", {f.width});
  w.weight("post_attention_layernorm", {f.width});
  if (f.four_norms) {
    w.weight("pre_feedforward_layernorm", {f.width});
    w.weight("post_feedforward_layernorm", {f.width});
  }
  if (f.latent) {
    latent(f, w);
  } else if (has_delta(f, layer)) {
    delta(f, w);
  } else {
    attention(f, w);
  }
  if (has_experts(f, layer)) {
    experts(f, w);
  } else {
    dense(f, f.moe && f.moe->naming.moe == "feed_forward" ? "feed_forward" : "mlp",
          f.moe ? f.moe->dense_width : f.feed_forward, w);
  }
}

void prediction(const Family& f, Writer& w) {
  if (f.prediction == PredictionForm::None) return;
  if (f.prediction == PredictionForm::QwenNext) {
    w.at("mtp.");
    w.weight("fc", {f.width, 2 * f.width});
    for (const char* norm : {"norm", "pre_fc_norm_embedding", "pre_fc_norm_hidden"}) w.weight(norm, {f.width});
    w.at("mtp.layers.0.");
    block(f, f.delta->interval - 1, w);
    return;
  }
  w.at(f.prefix + "layers." + std::to_string(f.layers) + '.');
  block(f, f.layers, w);
  for (const char* norm : {"enorm", "hnorm", "shared_head.norm"}) w.weight(norm, {f.width});
  w.weight("eh_proj", {f.width, 2 * f.width});
  if (f.prediction != PredictionForm::DeepSeekWithCopies) return;
  w.weight("embed_tokens", {f.vocabulary, f.width});
  w.weight("shared_head.head", {f.vocabulary, f.width});
}

nlohmann::json config_of(const Family& f) {
  nlohmann::json config = {{"model_type", f.model_type},
                           {"hidden_size", f.width},
                           {"num_hidden_layers", f.layers},
                           {"vocab_size", f.vocabulary},
                           {"num_attention_heads", f.attention.heads},
                           {"num_key_value_heads", f.attention.kv_heads},
                           {"head_dim", f.attention.size},
                           {"intermediate_size", f.feed_forward},
                           {"tie_word_embeddings", f.tied}};
  if (!f.moe) return config;
  config["num_experts"] = f.moe->experts;
  config["num_experts_per_tok"] = f.moe->used;
  config["moe_intermediate_size"] = f.moe->width;
  if (f.moe->shared != 0) config["n_shared_experts"] = f.moe->shared;
  return config;
}

// ---- GGUF names ----

void gguf_attention(const Family& f, Writer& w) {
  const AttentionShape& a = f.attention;
  const std::uint64_t q = a.heads * a.size, kv = a.kv_heads * a.size;
  if (a.fused) {
    w.linear("attn_qkv", q + 2 * kv, f.width, a.qkv_bias);
  } else {
    w.linear("attn_q", a.gated ? 2 * q : q, f.width, a.qkv_bias);
    w.linear("attn_k", kv, f.width, a.qkv_bias);
    w.linear("attn_v", kv, f.width, a.qkv_bias);
  }
  w.linear("attn_output", f.width, q, a.output_bias);
  if (a.norm != QkNorm::None) {
    w.weight("attn_q_norm", {a.norm == QkNorm::Whole ? q : a.size});
    w.weight("attn_k_norm", {a.norm == QkNorm::Whole ? kv : a.size});
  }
  if (a.sinks) w.weight("attn_sinks", {a.heads});
}

void gguf_latent(const Family& f, Writer& w) {
  const LatentShape& m = *f.latent;
  const std::uint64_t heads = f.attention.heads, q = heads * (m.plain + m.rotated);
  if (m.query_rank != 0) {
    w.weight("attn_q_a", {m.query_rank, f.width});
    w.weight("attn_q_a_norm", {m.query_rank});
    w.weight("attn_q_b", {q, m.query_rank});
  } else {
    w.weight("attn_q", {q, f.width});
  }
  w.weight("attn_kv_a_mqa", {m.kv_rank + m.rotated, f.width});
  w.weight("attn_kv_a_norm", {m.kv_rank});
  w.weight("attn_k_b", {heads, m.kv_rank, m.plain});
  w.weight("attn_v_b", {heads, m.value, m.kv_rank});
  w.weight("attn_output", {f.width, heads * m.value});
}

void gguf_delta(const Family& f, Writer& w) {
  const DeltaShape& d = *f.delta;
  const std::uint64_t k = d.key_heads * d.size, v = d.value_heads * d.size;
  w.weight("attn_qkv", {2 * k + v, f.width});
  w.weight("attn_gate", {v, f.width});
  if (d.split) {
    w.weight("ssm_alpha", {d.value_heads, f.width});
    w.weight("ssm_beta", {d.value_heads, f.width});
  } else {
    w.weight("ssm_ba", {2 * d.value_heads, f.width});
  }
  w.weight("ssm_conv1d", {2 * k + v, d.kernel});
  w.whole("ssm_a", {d.value_heads});
  w.bias("ssm_dt", d.value_heads);
  w.weight("ssm_norm", {d.size});
  w.weight("ssm_out", {f.width, v});
}

void gguf_experts(const Family& f, Writer& w) {
  const MoeShape& m = *f.moe;
  w.linear("ffn_gate_inp", m.experts, f.width, m.router_bias);
  if (!m.naming.selection_bias.empty()) w.bias("exp_probs_b", m.experts);
  for (const char* name : {"ffn_gate_exps", "ffn_up_exps"}) {
    w.weight(name, {m.experts, m.width, f.width});
    if (m.expert_bias) w.whole(std::string(name) + ".bias", {m.experts, m.width});
  }
  w.weight("ffn_down_exps", {m.experts, f.width, m.width});
  if (m.expert_bias) w.whole("ffn_down_exps.bias", {m.experts, f.width});
  if (m.shared_width == 0) return;
  w.weight("ffn_gate_shexp", {m.shared_width, f.width});
  w.weight("ffn_up_shexp", {m.shared_width, f.width});
  w.weight("ffn_down_shexp", {f.width, m.shared_width});
  if (m.shared_gate) w.weight("ffn_gate_inp_shexp", {f.width});
}

void gguf_block(const Family& f, std::uint64_t layer, Writer& w) {
  w.weight("attn_norm", {f.width});
  w.weight(f.delta ? "post_attention_norm" : "ffn_norm", {f.width});
  if (f.four_norms) {
    w.weight("post_attention_norm", {f.width});
    w.weight("post_ffw_norm", {f.width});
  }
  if (f.latent) {
    gguf_latent(f, w);
  } else if (has_delta(f, layer)) {
    gguf_delta(f, w);
  } else {
    gguf_attention(f, w);
  }
  if (has_experts(f, layer)) return gguf_experts(f, w);
  const std::uint64_t inner = f.moe ? f.moe->dense_width : f.feed_forward;
  if (f.fused_ffn) {
    w.weight("ffn_up", {2 * inner, f.width});
  } else {
    w.weight("ffn_gate", {inner, f.width});
    w.weight("ffn_up", {inner, f.width});
  }
  w.weight("ffn_down", {f.width, inner});
}

void gguf_prediction(const Family& f, Writer& w) {
  if (f.prediction == PredictionForm::None || f.prediction == PredictionForm::QwenNext) return;
  w.at("blk." + std::to_string(f.layers) + '.');
  gguf_block(f, f.layers, w);
  for (const char* norm : {"nextn.enorm", "nextn.hnorm", "nextn.shared_head_norm"}) w.weight(norm, {f.width});
  w.weight("nextn.eh_proj", {f.width, 2 * f.width});
  if (f.prediction != PredictionForm::DeepSeekWithCopies) return;
  w.weight("nextn.embed_tokens", {f.vocabulary, f.width});
  w.weight("nextn.shared_head_head", {f.vocabulary, f.width});
}

}  // namespace

Checkpoint as_safetensors(const Family& f) {
  Writer w;
  w.at(f.prefix);
  w.weight(f.fused_names ? "word_embeddings" : "embed_tokens", {f.vocabulary, f.width});
  for (std::uint64_t layer = 0; layer < f.layers; ++layer) {
    w.at(f.prefix + "layers." + std::to_string(layer) + '.');
    block(f, layer, w);
  }
  prediction(f, w);
  w.at(f.prefix);
  w.weight("norm", {f.width});
  w.at(f.prefix.substr(0, f.prefix.size() - std::string_view("model.").size()));
  if (!f.tied) w.weight("lm_head", {f.vocabulary, f.width});
  std::vector<TensorSpec> specs = w.take();
  specs.insert(specs.end(), f.more.begin(), f.more.end());
  return safetensors(specs, config_of(f).dump());
}

Checkpoint as_gguf(const Family& f) {
  Writer w;
  w.weight("token_embd", {f.vocabulary, f.width});
  for (std::uint64_t layer = 0; layer < f.layers; ++layer) {
    w.at("blk." + std::to_string(layer) + '.');
    gguf_block(f, layer, w);
  }
  gguf_prediction(f, w);
  w.at("");
  w.weight("output_norm", {f.width});
  if (!f.tied) w.weight("output", {f.vocabulary, f.width});
  const auto number = [&](const char* key, std::uint64_t value) {
    return KeySpec{f.gguf + '.' + key, {static_cast<std::uint32_t>(value)}};
  };
  const bool predicts = f.prediction == PredictionForm::DeepSeek || f.prediction == PredictionForm::DeepSeekWithCopies;
  std::vector<KeySpec> keys = {{"general.architecture", {}, f.gguf},
                               number("block_count", f.layers + (predicts ? 1 : 0)),
                               number("embedding_length", f.width),
                               number("attention.head_count", f.attention.heads),
                               number("attention.head_count_kv", f.latent ? 1 : f.attention.kv_heads)};
  if (!f.latent) {
    keys.push_back(number("attention.key_length", f.attention.size));
    keys.push_back(number("attention.value_length", f.attention.size));
  }
  if (f.moe) {
    keys.push_back(number("expert_count", f.moe->experts));
    keys.push_back(number("expert_used_count", f.moe->used));
    if (f.moe->shared != 0) keys.push_back(number("expert_shared_count", f.moe->shared));
  }
  if (predicts) keys.push_back(number("nextn_predict_layers", 1));
  return gguf(w.take(), keys);
}

}  // namespace weigh::test
