// Hybrids and compressed caches from config.json need what their GGUF needs.
#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "src/memory/memory.h"
#include "tests/catch.h"
#include "tests/memory/published.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

Model from_config(std::string_view config, const std::vector<TensorSpec>& tensors = {}) {
  return describe(safetensors(tensors, config));
}

struct Row {
  std::string_view name;
  Model gguf;
  std::string config;
};

std::string words(std::size_t layers, std::string_view attention, std::string_view other,
                  const std::function<bool(std::size_t)>& attends) {
  std::string list = "[";
  for (std::size_t i = 0; i < layers; ++i) {
    list += (i == 0 ? "\"" : ", \"") + std::string(attends(i) ? attention : other) + '"';
  }
  return list + "]";
}

const std::string kGranite =
    R"("hidden_size": 4096, "num_hidden_layers": 40, "num_attention_heads": 32, "num_key_value_heads": 8,
       "mamba_d_state": 128, "mamba_d_conv": 4, "mamba_expand": 2, "mamba_n_groups": 1, "mamba_n_heads": 128,
       "mamba_d_head": 64, "intermediate_size": 768, "vocab_size": 100352)";
const std::string kNemotron =
    R"("hidden_size": 4096, "num_hidden_layers": 52, "num_attention_heads": 32, "num_key_value_heads": 8,
       "head_dim": 128, "mamba_num_heads": 128, "mamba_head_dim": 64, "n_groups": 8, "ssm_state_size": 128,
       "conv_kernel": 4, "expand": 2, "intermediate_size": 21504, "vocab_size": 131072)";
const std::string kLfm2 =
    R"("hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8,
       "conv_L_cache": 3, "intermediate_size": 8192, "vocab_size": 65536)";
const std::string kDeepSeek =
    R"("hidden_size": 7168, "num_hidden_layers": 61, "num_attention_heads": 128, "num_key_value_heads": 128,
       "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
       "intermediate_size": 18432, "vocab_size": 129280)";

bool granite_attends(std::size_t i) { return i % 10 == 5; }
bool lfm2_attends(std::size_t i) { return i == 2 || i == 5 || i == 8 || i == 10 || i == 12 || i == 14; }

Model bamba_9b() {
  const Numbers kv_heads = per_layer(32, [](std::uint32_t i) { return i == 9 || i == 18 || i == 27 ? 8U : 0U; });
  return keys_only("granitehybrid",
                   transformer(32, 4096, 32, kv_heads, {14336}, 128256) + state_space(4, 8192, 128, 1, 128));
}

Model minimax_01() {
  return keys_only("minimax-01", transformer(16, 6144, 64, {8}, {9216}, 200064, 128) + experts(32, 2, 9216));
}

Numbers v4_ratios() {
  return per_layer(43, [](std::uint32_t i) { return i < 2 ? 0U : i % 2 == 0 ? 4U : 128U; });
}

Model deepseek_v4() {
  return keys_only("deepseek4",
                   transformer(43, 4096, 64, {1}, {2048}, 129280, 512) + window(128) +
                       Keys{{"attention.compress_ratios", v4_ratios()}, {"attention.indexer.key_length", {128}}});
}

std::string list_of(const Numbers& numbers) {
  std::string list;
  for (const std::uint32_t number : numbers) list += (list.empty() ? "[" : ", ") + std::to_string(number);
  return list + "]";
}

Numbers glm_full() {
  return per_layer(78, [](std::uint32_t i) { return i < 3 || i % 4 == 2 ? 1U : 0U; });
}

Model glm_5_2() {
  return keys_only("glm-dsa", transformer(78, 6144, 64, {1}, {12288}, 154880) + latent(512, 64) +
                                  Keys{{"attention.indexer.key_length", {128}},
                                       {"attention.indexer.head_count", {32}},
                                       {"attention.indexer.types", glm_full()}});
}

std::vector<Row> rows() {
  std::vector<Row> rows;
  const auto add = [&](std::string_view name, Model gguf, const std::string& hugging_face_class,
                       const std::string& config, const std::string& layers) {
    rows.push_back({name, std::move(gguf),
                    R"({"architectures": [")" + hugging_face_class + R"("], )" + config +
                        (layers.empty() ? "}" : ", " + layers + "}")});
  };
  add("Granite-4-H-small, layer_types", granite_4_h_small(), "GraniteMoeHybridForCausalLM", kGranite,
      R"("layer_types": )" + words(40, "attention", "mamba", granite_attends));
  add("Nemotron-H-8B, a pattern", nemotron_h_8b(), "NemotronHForCausalLM", kNemotron,
      R"("hybrid_override_pattern": "M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-")");
  add("Jamba-mini, a period", jamba_mini(), "JambaForCausalLM",
      R"("hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
         "mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2, "mamba_dt_rank": 256, "num_experts": 16,
         "intermediate_size": 14336, "vocab_size": 65536)",
      R"("attn_layer_period": 8, "attn_layer_offset": 4)");
  add("Bamba-9B, numbers from 0", bamba_9b(), "BambaForCausalLM",
      R"("hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
         "mamba_d_state": 128, "mamba_d_conv": 4, "mamba_expand": 2, "mamba_n_groups": 1, "mamba_n_heads": 128,
         "mamba_d_head": 64, "intermediate_size": 14336, "vocab_size": 128256)",
      R"("attn_layer_indices": [9, 18, 27])");
  add("Kimi-Linear-48B, numbers from 1", kimi_linear_48b(), "KimiLinearForCausalLM",
      R"("hidden_size": 2304, "num_hidden_layers": 27, "num_attention_heads": 32, "num_key_value_heads": 32,
         "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
         "intermediate_size": 9216, "vocab_size": 163840)",
      R"("linear_attn_config": {"full_attn_layers": [4, 8, 12, 16, 20, 24, 27], "head_dim": 128, "num_heads": 32,
         "short_conv_kernel_size": 4})");
  add("LFM2-1.2B, layer_types", lfm2_1_2b(), "Lfm2ForCausalLM", kLfm2,
      R"("layer_types": )" + words(16, "full_attention", "conv", lfm2_attends));
  add("LFM2-1.2B, numbers from 0", lfm2_1_2b(), "Lfm2ForCausalLM", kLfm2, R"("full_attn_idxs": [2, 5, 8, 10, 12, 14])");
  add("MiniMax-01, flags", minimax_01(), "MiniMaxText01ForCausalLM",
      R"("hidden_size": 6144, "num_hidden_layers": 16, "num_attention_heads": 64, "num_key_value_heads": 8,
         "head_dim": 128, "num_local_experts": 32, "intermediate_size": 9216, "vocab_size": 200064)",
      R"("attn_type_list": [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1])");
  add("DeepSeek-V3.2", deepseek_v32(), "DeepseekV32ForCausalLM", kDeepSeek,
      R"("index_head_dim": 128, "index_n_heads": 64, "index_topk": 2048)");
  add("DeepSeek-V4-Flash", deepseek_v4(), "DeepseekV4ForCausalLM",
      R"("hidden_size": 4096, "num_hidden_layers": 43, "num_attention_heads": 64, "num_key_value_heads": 1,
         "head_dim": 512, "qk_rope_head_dim": 64, "sliding_window": 128, "index_head_dim": 128,
         "moe_intermediate_size": 2048, "vocab_size": 129280)",
      R"("compress_ratios": )" + list_of(v4_ratios()));
  add("GLM-5.2", glm_5_2(), "GlmMoeDsaForCausalLM",
      R"("hidden_size": 6144, "num_hidden_layers": 78, "num_attention_heads": 64, "num_key_value_heads": 64,
         "kv_lora_rank": 512, "q_lora_rank": 2048, "qk_nope_head_dim": 192, "qk_rope_head_dim": 64,
         "v_head_dim": 256, "index_head_dim": 128, "index_n_heads": 32, "vocab_size": 154880,
         "intermediate_size": 12288)",
      R"("indexer_types": )" + words(78, "full", "shared", [](std::size_t i) { return glm_full()[i] == 1; }));
  return rows;
}

}  // namespace

TEST_CASE("config.json and GGUF keys of one model give the same cache and state", "[memory]") {
  for (const Row& row : rows()) {
    INFO(row.name);
    const Model config = from_config(row.config);
    for (const std::uint64_t sequences : {1, 4}) {
      const Run run{.context = 32768, .sequences = sequences};
      const RunNeed by_config = measure(config, run);
      const RunNeed by_keys = measure(row.gguf, run);
      CHECK(by_keys.need.kv_cache.value() > 0);
      CHECK(by_config.need.kv_cache == by_keys.need.kv_cache);
      CHECK(by_config.need.state == by_keys.need.state);
      CHECK(by_config.remark == Remark::None);
    }
  }
}

namespace {

// Layers by Hugging Face names: attention where `attends`, else a Mamba mixer; `stated` is what config.json adds.
Model granite_of_tensors(const std::function<bool(std::size_t)>& attends, const std::string& stated) {
  std::vector<TensorSpec> tensors{{"model.embed_tokens.weight", Dtype::BF16, {100352, 4096}}};
  for (std::size_t i = 0; i < 40; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    tensors.push_back({layer + "input_layernorm.weight", Dtype::BF16, {4096}});
    if (attends(i)) {
      tensors.push_back({layer + "self_attn.q_proj.weight", Dtype::BF16, {4096, 4096}});
      tensors.push_back({layer + "self_attn.k_proj.weight", Dtype::BF16, {1024, 4096}});
      tensors.push_back({layer + "self_attn.v_proj.weight", Dtype::BF16, {1024, 4096}});
    } else {
      tensors.push_back({layer + "mamba.in_proj.weight", Dtype::BF16, {16768, 4096}});
      tensors.push_back({layer + "mamba.A_log", Dtype::BF16, {128}});
    }
  }
  return from_config(R"({"architectures": ["GraniteMoeHybridForCausalLM"], )" + kGranite + stated + "}", tensors);
}

}  // namespace

TEST_CASE("tensors tell which layers have a cache, where config.json does not and where it is wrong", "[memory]") {
  const RunNeed expected = measure(granite_4_h_small(), {.context = 32768});
  const RunNeed by_tensors = measure(granite_of_tensors(granite_attends, ""), {.context = 32768});
  CHECK(by_tensors.need.kv_cache == expected.need.kv_cache);
  CHECK(by_tensors.need.state == expected.need.state);
  CHECK(by_tensors.remark == Remark::None);

  const std::string all = R"(, "layer_types": )" + words(40, "attention", "", [](std::size_t) { return true; });
  const RunNeed contradicted = measure(granite_of_tensors(granite_attends, all), {.context = 32768});
  CHECK(contradicted.need.kv_cache == expected.need.kv_cache);
  CHECK(contradicted.need.state == expected.need.state);
}

TEST_CASE("a hybrid whose files do not tell its layers apart is counted with attention in all, and says so",
          "[memory]") {
  const RunNeed need = measure(from_config(R"({"architectures": ["GraniteMoeHybridForCausalLM"], )" + kGranite + "}"),
                               {.context = 32768});
  CHECK(need.remark == Remark::LayersAlike);
  CHECK(need.need.kv_cache == 10 * measure(granite_4_h_small(), {.context = 32768}).need.kv_cache.value());
}

TEST_CASE("a hybrid without a rule is counted by what its config states", "[memory]") {
  const std::string types = R"(, "layer_types": )" + words(40, "attention", "mamba", granite_attends) + "}";
  const RunNeed need =
      measure(from_config(R"({"architectures": ["NewHybridForCausalLM"], )" + kGranite + types), {.context = 32768});
  const RunNeed expected = measure(granite_4_h_small(), {.context = 32768});
  CHECK(need.basis == Basis::Assumed);
  CHECK(need.need.kv_cache == expected.need.kv_cache);
  CHECK(need.need.state == expected.need.state);

  // A state that nothing tells the size of is unknown, not zero.
  const RunNeed unknown =
      measure(from_config(R"({"architectures": ["NewHybridForCausalLM"], "hidden_size": 64, "num_hidden_layers": 2,
                      "num_attention_heads": 4, "layer_types": ["attention", "recurrent"]})"),
              {.engine = Engine::Transformers, .context = 256});
  CHECK(unknown.need.kv_cache == 256 * 2 * 64 * 2);
  CHECK_FALSE(unknown.need.state);
}

TEST_CASE("engines keep compressed caches of the whole context", "[memory]") {
  const std::vector<Row> table = rows();
  const auto config_of = [&](std::string_view name) {
    return from_config(std::ranges::find(table, name, &Row::name)->config);
  };
  // A window of 128 rows in each layer; 21 layers with a row of 512 and a key of 128 for every 4 tokens, 20 with a row
  // for every 128.
  const Run million{.engine = Engine::Mlx, .context = 1048576};
  const std::uint64_t v4 = 43ULL * 128 * 512 * 2 + 21ULL * 262144 * (512 + 128) * 2ULL + 20ULL * 8192 * 512 * 2ULL;
  CHECK(measure(config_of("DeepSeek-V4-Flash"), million).need.kv_cache == v4);

  // vLLM: 656 bytes of a row in FP8 and 132 of the indexer's key; the key is in FP8 beside rows of 16 bits too.
  Run vllm{.engine = Engine::Vllm, .context = 131072};
  const Model v32 = config_of("DeepSeek-V3.2");
  CHECK(measure(v32, vllm).need.kv_cache == 131072ULL * 61 * (2 * 576 + 132));
  vllm.key_type = vllm.value_type = Dtype::F8_E4M3;
  CHECK(measure(v32, vllm).need.kv_cache == 131072ULL * 61 * (656 + 132));
}

TEST_CASE("a token and a state of hybrids in engines with a pool", "[memory]") {
  // Worked by hand from vLLM's own shapes (mamba_utils.py, kv_cache_interface.py, deepseek_v4/compressor.py): a token of
  // attention takes 2 * heads * width values, a state its convolution in 16 bits and its recurrence in 32.
  struct Figure {
    std::string_view name;
    std::uint64_t rows;    // bytes of the cache that every 128 tokens add, all layers, rows of 16 bits
    std::uint64_t rows_8;  // likewise, --kv-type fp8
    std::uint64_t state;   // of one sequence
  };
  const std::vector<Figure> figures = {
      // 4 layers of 8 heads of 128; 36 of a convolution over 8192 + 2 * 128 and 128 heads of 64 x 128.
      {"Granite-4-H-small, layer_types", 128 * 4 * 2 * 8 * 128 * 2, 128 * 4 * 2 * 8 * 128,
       36 * (3 * (8192 + 2 * 128) * 2 + 128 * 64 * 128 * 4)},
      // 4 of 52 attend, 24 are Mamba-2 with 8 groups.
      {"Nemotron-H-8B, a pattern", 128 * 4 * 2 * 8 * 128 * 2, 128 * 4 * 2 * 8 * 128,
       24 * (3 * (8192 + 2 * 8 * 128) * 2 + 128 * 64 * 128 * 4)},
      // Mamba-1: the convolution is over the inner width alone.
      {"Jamba-mini, a period", 128 * 4 * 2 * 8 * 128 * 2, 128 * 4 * 2 * 8 * 128, 28 * (3 * 8192 * 2 + 8192 * 16 * 4)},
      {"Bamba-9B, numbers from 0", 128 * 3 * 2 * 8 * 128 * 2, 128 * 3 * 2 * 8 * 128,
       29 * (3 * (8192 + 2 * 128) * 2 + 128 * 64 * 128 * 4)},
      // 7 latent layers of 512 + 64; 20 with three convolutions over 32 heads of 128 and 32 states of 128 x 128.
      {"Kimi-Linear-48B, numbers from 1", 128 * 7 * 576 * 2, 128 * 7 * 576,
       20 * (3 * 3 * 32 * 128 * 2 + 32 * 128 * 128 * 4)},
      {"LFM2-1.2B, layer_types", 128 * 6 * 2 * 8 * 64 * 2, 128 * 6 * 2 * 8 * 64, 10 * 2 * 2048 * 2},
      {"DeepSeek-V3.2", 128 * 61 * (576 * 2 + 132), 128 * 61 * (656 + 132), 0},
      // 21 of 78 layers choose, and keep keys of 132 bytes for it.
      {"GLM-5.2", 128 * (78 * 576 * 2 + 21 * 132), 128 * (78 * 656 + 21 * 132), 0},
  };
  const std::vector<Row> table = rows();
  for (const Figure& figure : figures) {
    INFO(figure.name);
    const Model model = from_config(std::ranges::find(table, figure.name, &Row::name)->config);
    for (const std::uint64_t sequences : {1, 4}) {
      Run run{.engine = Engine::Sglang, .context = 131072, .sequences = sequences};
      CHECK(measure(model, run).need.kv_cache == 131072 / 128 * figure.rows);
      CHECK(measure(model, run).need.state == sequences * figure.state);
      run.key_type = run.value_type = Dtype::F8_E4M3;
      CHECK(measure(model, run).need.kv_cache == 131072 / 128 * figure.rows_8);
    }
  }
}

TEST_CASE("DeepSeek V4 in vLLM: compressed cells in pages, and a window and what compresses beside them", "[memory]") {
  // For every 256 tokens 21 layers have 64 rows and keys, 20 have 2 rows; 584 bytes a row whatever type is asked for.
  constexpr std::uint64_t kBlock = 21 * 64 * (584 + 132) + 20 * 2 * 584;
  constexpr std::uint64_t kBeside = 43 * 128 * 584 + 21 * (8 * 2048 + 8 * 512) * 4 + 20 * 128 * 1024 * 4;
  const std::vector<Row> table = rows();
  const Model model = from_config(std::ranges::find(table, "DeepSeek-V4-Flash", &Row::name)->config);
  for (const Dtype type : {Dtype::F16, Dtype::F8_E4M3}) {
    const Run run{.engine = Engine::Vllm, .context = 131072, .key_type = type, .value_type = type};
    CHECK(measure(model, run).need.kv_cache == (131072 / 256 + (kBeside + kBlock - 1) / kBlock) * kBlock);
  }
}
