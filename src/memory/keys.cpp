#include "src/memory/keys.h"

#include <algorithm>
#include <array>
#include <string>

namespace weigh::core {

namespace {

// config.json's names for what GGUF keys hold (docs/memory-rules.md 12). The first that a config has counts.
struct ConfigName {
  std::string_view key;
  std::array<std::string_view, 8> names;
};

constexpr auto kConfigNames = std::to_array<ConfigName>({
    {"attention.head_count", {"num_attention_heads", "n_head", "n_heads", "num_heads"}},
    {"attention.head_count_kv",
     {"num_key_value_heads", "n_kv_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num",
      "attn_config.kv_n_heads"}},
    {"attention.indexer.head_count", {"index_n_heads"}},
    {"attention.indexer.key_length", {"index_head_dim"}},
    {"attention.key_length", {"head_dim", "attention_head_dim"}},
    {"attention.kv_lora_rank", {"kv_lora_rank"}},
    {"attention.q_lora_rank", {"q_lora_rank"}},
    {"attention.shared_kv_layers", {"num_kv_shared_layers"}},
    {"attention.sliding_window", {"sliding_window", "attention_window_size"}},
    {"attention.sliding_window_pattern", {"sliding_window_pattern"}},
    {"attention.value_length", {"head_dim", "attention_head_dim"}},
    {"attention.value_length_mla", {"v_head_dim"}},
    {"block_count", {"num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_transformer_layers"}},
    {"context_length", {"max_position_embeddings", "n_positions", "n_ctx", "seq_length", "max_sequence_length"}},
    {"embedding_length", {"hidden_size", "n_embd", "n_embed", "d_model", "dim"}},
    {"embedding_length_per_layer_input", {"hidden_size_per_layer_input"}},
    {"expert_count",
     {"num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts", "moe_num_primary_experts",
      "ffn_config.moe_num_experts"}},
    {"expert_feed_forward_length", {"moe_intermediate_size"}},
    {"expert_group_count", {"n_group"}},
    {"expert_shared_count", {"n_shared_experts"}},
    {"expert_shared_feed_forward_length", {"shared_expert_intermediate_size", "shared_intermediate_size"}},
    {"expert_used_count",
     {"num_experts_per_tok", "num_experts_per_token", "experts_per_token", "top_k_experts", "moe_k", "moe_topk",
      "moe_top_k", "ffn_config.moe_top_k"}},
    {"feed_forward_length", {"intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"}},
    {"full_attention_interval", {"full_attention_interval"}},
    {"hrm.h_cycles", {"H_cycles"}},
    {"hrm.l_cycles", {"L_cycles"}},
    {"hrm.layers_per_stack", {"num_layers_per_stack"}},
    {"leading_dense_block_count", {"first_k_dense_replace"}},
    {"nextn_predict_layers", {"num_nextn_predict_layers", "mtp_num_hidden_layers"}},
    {"num_loops", {"num_loops"}},
    {"rope.dimension_count", {"qk_rope_head_dim"}},
    {"shortconv.l_cache", {"conv_L_cache"}},
    {"ssm.conv_kernel", {"linear_conv_kernel_dim", "mamba_d_conv", "conv_kernel", "d_conv"}},
    {"ssm.group_count", {"linear_num_key_heads", "mamba_n_groups", "n_groups"}},
    {"ssm.inner_size", {"mamba_d_ssm", "intermediate_size_mamba"}},
    {"ssm.state_size", {"linear_key_head_dim", "mamba_d_state", "ssm_state_size", "state_size", "d_state"}},
    {"ssm.time_step_rank", {"linear_num_value_heads", "mamba_n_heads", "mamba_num_heads", "time_step_rank"}},
    {"vocab_size", {"vocab_size"}},
});

static_assert(std::ranges::is_sorted(kConfigNames, {}, &ConfigName::key), "numbers() searches by halves");

}  // namespace

HyperparameterKeys::HyperparameterKeys(const Checkpoint& checkpoint)
    : gguf_(!checkpoint.files.empty() && checkpoint.files.front().format == Format::Gguf),
      keys_(checkpoint),
      config_(checkpoint.config.get()) {}

std::vector<std::uint64_t> HyperparameterKeys::numbers(std::string_view key) const {
  if (gguf_) return keys_.numbers(key);
  const auto* row = std::ranges::lower_bound(kConfigNames, key, {}, &ConfigName::key);
  if (row == kConfigNames.end() || row->key != key) return {};
  for (const std::string_view name : row->names) {
    if (name.empty()) break;
    auto values = config_.numbers({name});
    if (!values.empty()) return values;
  }
  return {};
}

std::optional<std::uint64_t> HyperparameterKeys::number(std::string_view key) const {
  const auto values = numbers(key);
  return values.empty() ? std::nullopt : std::optional(values.front());
}

std::uint64_t HyperparameterKeys::number_or(std::string_view key, std::uint64_t fallback) const {
  return number(key).value_or(fallback);
}

std::optional<LayerStacks> HyperparameterKeys::stacks() const {
  const auto layers = number("hrm.layers_per_stack");
  const auto low = number("hrm.l_cycles");
  if (layers || gguf_ || !low) return layer_stacks(layers, number("hrm.h_cycles"), low);
  return layer_stacks(number("block_count"), number("hrm.h_cycles"), low);
}

std::optional<std::uint64_t> HyperparameterKeys::block_count() const {
  const auto stacks = gguf_ ? std::nullopt : this->stacks();
  return stacks ? std::optional(stacks->slots) : number("block_count");
}

std::string_view HyperparameterKeys::architecture() const {
  if (gguf_) return keys_.name();
  const auto* classes = config_.find({"architectures"});
  if (classes == nullptr || !classes->is_array() || classes->empty() || !classes->front().is_string()) return {};
  return classes->front().get_ref<const std::string&>();
}

}  // namespace weigh::core
