#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "src/memory/cache.h"
#include "src/memory/run_model.h"
#include "tests/model/builder.h"

namespace weigh::core::test {

/// Models by the hyperparameters their makers published, as GGUF keys without a tensor.
using Numbers = std::vector<std::uint32_t>;
using Keys = std::vector<std::pair<std::string, Numbers>>;

inline Model keys_only(const std::string& architecture, const Keys& keys) {
  std::vector<KeySpec> specs{{.key = "general.architecture", .text = architecture}};
  for (const auto& [key, numbers] : keys) specs.push_back({.key = architecture + "." + key, .numbers = numbers});
  return describe(gguf({}, specs));
}

/// The keys that every transformer has; `head` 0: embedding / heads.
inline Keys transformer(std::uint32_t layers, std::uint32_t embedding, std::uint32_t heads, Numbers kv_heads,
                        Numbers ffn, std::uint32_t vocab, std::uint32_t head = 0) {
  Keys keys{{"block_count", {layers}},
            {"embedding_length", {embedding}},
            {"attention.head_count", {heads}},
            {"attention.head_count_kv", std::move(kv_heads)},
            {"feed_forward_length", std::move(ffn)},
            {"vocab_size", {vocab}},
            {"context_length", {131072}}};
  if (head != 0) {
    keys.push_back({"attention.key_length", {head}});
    keys.push_back({"attention.value_length", {head}});
  }
  return keys;
}

inline Keys operator+(Keys a, const Keys& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline Keys experts(std::uint32_t count, std::uint32_t used, std::uint32_t width) {
  return {{"expert_count", {count}}, {"expert_used_count", {used}}, {"expert_feed_forward_length", {width}}};
}

inline Keys state_space(std::uint32_t convolution, std::uint32_t inner, std::uint32_t state, std::uint32_t groups,
                        std::uint32_t rank) {
  return {{"ssm.conv_kernel", {convolution}},
          {"ssm.inner_size", {inner}},
          {"ssm.state_size", {state}},
          {"ssm.group_count", {groups}},
          {"ssm.time_step_rank", {rank}}};
}

inline Keys window(std::uint32_t tokens) { return {{"attention.sliding_window", {tokens}}}; }

/// DeepSeek's latent attention, absorbed.
inline Keys latent(std::uint32_t rank, std::uint32_t rope) {
  return {{"attention.kv_lora_rank", {rank}},    {"attention.key_length", {rank + rope}},
          {"attention.value_length", {rank}},    {"attention.key_length_mla", {192}},
          {"attention.value_length_mla", {128}}, {"rope.dimension_count", {rope}}};
}

inline Numbers per_layer(std::uint32_t layers, const std::function<std::uint32_t(std::uint32_t)>& value) {
  Numbers numbers;
  for (std::uint32_t i = 0; i < layers; ++i) numbers.push_back(value(i));
  return numbers;
}

inline Model llama_2_7b() { return keys_only("llama", transformer(32, 4096, 32, {32}, {11008}, 32000)); }
inline Model llama_3_8b() { return keys_only("llama", transformer(32, 4096, 32, {8}, {14336}, 128256)); }
inline Model mixtral_8x7b() {
  return keys_only("llama", transformer(32, 4096, 32, {8}, {14336}, 32000) +
                                Keys{{"expert_count", {8}}, {"expert_used_count", {2}}});
}
inline Model gemma_2_9b() {
  return keys_only("gemma2", transformer(42, 3584, 16, {8}, {14336}, 256000, 256) + window(4096));
}
inline Model gemma_3_27b() {
  return keys_only("gemma3", transformer(62, 5376, 32, {16}, {21504}, 262144, 128) + window(1024));
}
inline Keys deepseek_v3_keys() {
  return transformer(61, 7168, 128, {1}, {18432}, 129280) + latent(512, 64) + experts(256, 8, 2048) +
         Keys{{"attention.q_lora_rank", {1536}},
              {"expert_shared_count", {1}},
              {"expert_group_count", {8}},
              {"leading_dense_block_count", {3}}};
}
inline Model deepseek_v3() { return keys_only("deepseek2", deepseek_v3_keys()); }
inline Model deepseek_v32() {
  return keys_only("deepseek32", deepseek_v3_keys() + Keys{{"attention.indexer.key_length", {128}},
                                                           {"attention.indexer.head_count", {64}}});
}
inline Model deepseek_v2_lite_expanded() {
  return keys_only("deepseek2", transformer(27, 2048, 16, {16}, {10944}, 102400) + experts(64, 6, 1408) +
                                    Keys{{"attention.kv_lora_rank", {512}},
                                         {"attention.key_length", {192}},
                                         {"attention.value_length", {128}},
                                         {"rope.dimension_count", {64}},
                                         {"expert_shared_count", {2}},
                                         {"leading_dense_block_count", {1}}});
}
inline Model qwen_3_next_80b() {
  return keys_only("qwen3next", transformer(48, 2048, 16, {2}, {5120}, 151936, 256) + experts(512, 10, 512) +
                                    state_space(4, 4096, 128, 16, 32) +
                                    Keys{{"expert_shared_feed_forward_length", {512}}});
}
/// Dimensions of the recorded runs, not of a published model.
inline Keys qwen4exp_keys() {
  return transformer(16, 2048, 16, {2}, {5120}, 151936, 256) + experts(64, 8, 512) + state_space(4, 4096, 128, 16, 32) +
         Keys{{"hyper_connection.count", {4}},
              {"attention.indexer.head_count", {2}},
              {"attention.indexer.key_length", {128}},
              {"attention.compress_ratios", Numbers(16, 4)}};
}
inline Model qwen4exp() { return keys_only("qwen4exp", qwen4exp_keys()); }
inline Keys hrm_text_keys() {
  return transformer(32, 2048, 16, {16}, {6144}, 64000, 128) +
         Keys{{"hrm.layers_per_stack", {4}}, {"hrm.h_cycles", {2}}, {"hrm.l_cycles", {3}}};
}
inline Model qwen_3_5_27b() {
  return keys_only("qwen35", transformer(64, 5120, 24, {4}, {17408}, 248320, 256) + state_space(4, 6144, 128, 16, 48) +
                                 Keys{{"rope.dimension_sections", {11, 11, 10, 0}}});
}
inline Model falcon_h1_7b() {
  return keys_only("falcon-h1",
                   transformer(44, 3072, 12, {2}, {12288}, 130048, 128) + state_space(4, 3072, 256, 1, 24));
}
inline Model granite_4_h_small() {
  const Numbers kv_heads = per_layer(40, [](std::uint32_t i) { return i % 10 == 5 ? 8U : 0U; });
  return keys_only("granitehybrid", transformer(40, 4096, 32, kv_heads, {768}, 100352) + experts(72, 10, 768) +
                                        state_space(4, 8192, 128, 1, 128) +
                                        Keys{{"expert_shared_feed_forward_length", {1536}}});
}
inline Model nemotron_h_8b() {
  const auto attends = [](std::uint32_t i) { return i == 7 || i == 18 || i == 29 || i == 40; };
  const Numbers kv_heads = per_layer(52, [&](std::uint32_t i) { return attends(i) ? 8U : 0U; });
  const Numbers ffn = per_layer(52, [&](std::uint32_t i) { return !attends(i) && i % 2 == 1 ? 21504U : 0U; });
  return keys_only("nemotron_h",
                   transformer(52, 4096, 32, kv_heads, ffn, 131072, 128) + state_space(4, 8192, 128, 8, 128));
}
inline Model jamba_mini() {
  const Numbers kv_heads = per_layer(32, [](std::uint32_t i) { return i % 8 == 4 ? 8U : 0U; });
  return keys_only("jamba", transformer(32, 4096, 32, kv_heads, {14336}, 65536) + experts(16, 2, 14336) +
                                state_space(4, 8192, 16, 0, 256));
}
inline Model lfm2_1_2b() {
  const Numbers kv_heads = per_layer(
      16, [](std::uint32_t i) { return i == 2 || i == 5 || i == 8 || i == 10 || i == 12 || i == 14 ? 8U : 0U; });
  return keys_only("lfm2", transformer(16, 2048, 32, kv_heads, {8192}, 65536) + Keys{{"shortconv.l_cache", {3}}});
}
inline Model kimi_linear_48b() {
  const Numbers kv_heads = per_layer(27, [](std::uint32_t i) { return i % 4 == 3 || i == 26 ? 1U : 0U; });
  return keys_only("kimi-linear", transformer(27, 2304, 32, kv_heads, {9216}, 163840) + latent(512, 64) +
                                      experts(256, 8, 1024) +
                                      Keys{{"expert_shared_count", {1}},
                                           {"leading_dense_block_count", {1}},
                                           {"ssm.conv_kernel", {4}},
                                           {"kda.head_dim", {128}}});
}
inline Model mamba_2_8b() {
  return keys_only("mamba", transformer(64, 2560, 0, {0}, {0}, 50280) + state_space(4, 5120, 16, 0, 160));
}
inline Model mamba2_2_7b() {
  return keys_only("mamba2", transformer(64, 2560, 0, {0}, {0}, 50288) + state_space(4, 5120, 128, 1, 80));
}
inline Model rwkv7_2_9b() {
  return keys_only(
      "rwkv7", transformer(32, 2560, 0, {0}, {10240}, 65536) + Keys{{"wkv.head_size", {64}},
                                                                    {"attention.decay_lora_rank", {96}},
                                                                    {"attention.iclr_lora_rank", {96}},
                                                                    {"attention.value_residual_mix_lora_rank", {64}},
                                                                    {"attention.gate_lora_rank", {320}}});
}
inline Model command_r7b() {
  return keys_only("cohere2", transformer(32, 4096, 32, {8}, {14336}, 256000, 128) + window(4096));
}
inline Model llama_4_scout() {
  return keys_only("llama4", transformer(48, 5120, 40, {8}, {16384}, 202048, 128) + experts(16, 1, 8192) +
                                 Keys{{"expert_shared_feed_forward_length", {8192}}});
}
inline Model gemma_3n_e4b() {
  return keys_only("gemma3n", transformer(35, 2048, 8, {2}, {16384}, 262144, 256) + window(512) +
                                  Keys{{"embedding_length_per_layer_input", {256}}});
}

/// Bytes of all layers' KV cache and state.
struct CacheSums {
  std::uint64_t kv = 0;
  std::uint64_t state = 0;
};

inline CacheSums cache_sums(const Model& model, const Run& run) {
  CacheSums sums;
  const auto shape = read_run_model(model);
  const auto caches = layer_caches(shape.value(), run);
  for (const LayerCache& cache : caches.value()) {
    sums.kv += cache.kv;
    sums.state += cache.state;
  }
  return sums;
}

inline double mib(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace weigh::core::test
