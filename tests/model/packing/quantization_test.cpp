
#include "tests/catch.h"
#include "tests/model/builder.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

// Each row packs one weight of `out` 256 x `in` 512 (131,072 parameters) as its writer stores it, or names its own
// count.
constexpr std::uint64_t kWeights = 256 * 512;

struct SchemeRow {
  std::string_view name;
  std::vector<TensorSpec> tensors;
  std::string_view config;
  std::string_view scheme;
  std::optional<std::uint64_t> bits;
  std::optional<std::uint64_t> group_size = {};
  std::uint64_t parameters = kWeights;
};

constexpr std::string_view kGptq4 =
    R"({"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128}})";
constexpr std::string_view kPacked4 =
    R"({"quantization_config": {"quant_method": "compressed-tensors", "format": "pack-quantized", "config_groups":
        {"group_0": {"targets": ["Linear"], "weights": {"num_bits": 4, "group_size": 32, "strategy": "group"}}}}})";

const std::vector<SchemeRow>& scheme_rows() {
  using D = Dtype;
  static const std::vector<SchemeRow> rows = {
      {"gptq 4 bits",
       {{"m.qweight", D::I32, {64, 256}},
        {"m.qzeros", D::I32, {4, 32}},
        {"m.scales", D::F16, {4, 256}},
        {"m.g_idx", D::I32, {512}}},
       kGptq4,
       "gptq",
       4,
       128},
      {"gptq 3 bits, three words for 32 weights",
       {{"m.qweight", D::I32, {48, 256}},
        {"m.qzeros", D::I32, {4, 24}},
        {"m.scales", D::F16, {4, 256}},
        {"m.g_idx", D::I32, {512}}},
       "",
       "gptq",
       3,
       128},
      {"gptq 8 bits, no index, one group",
       {{"m.qweight", D::I32, {128, 256}}, {"m.qzeros", D::I32, {1, 64}}, {"m.scales", D::F16, {1, 256}}},
       R"({"quantization_config": {"quant_method": "gptq", "bits": 8, "group_size": -1}})",
       "gptq",
       8},
      {"gptq packed into 16-bit words",
       {{"m.qweight", D::I16, {128, 256}},
        {"m.qzeros", D::I16, {4, 64}},
        {"m.scales", D::F16, {4, 256}},
        {"m.g_idx", D::I32, {512}}},
       "",
       "gptq",
       4,
       128},
      {"awq gemm",
       {{"m.qweight", D::I32, {512, 32}}, {"m.qzeros", D::I32, {4, 32}}, {"m.scales", D::F16, {4, 256}}},
       R"({"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128, "version": "gemm"}})",
       "awq",
       4,
       128},
      {"awq gemv",
       {{"m.qweight", D::I32, {256, 64}}, {"m.qzeros", D::I32, {256, 1}}, {"m.scales", D::F16, {256, 8}}},
       R"({"quantization_config": {"quant_method": "awq", "w_bit": 4, "q_group_size": 128}})",
       "awq",
       4,
       128},
      {"awq gemv_fast",
       {{"m.qweight", D::I16, {64, 512}}, {"m.qzeros", D::F16, {8, 256}}, {"m.scales", D::F16, {8, 256}}},
       R"({"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128}})",
       "awq",
       4,
       128},
      {"awq gemv_fast of TinyChat, square",
       {{"m.qweight", D::I16, {128, 256}},
        {"m.scales", D::F16, {8, 512}},
        {"m.scaled_zeros", D::F16, {8, 512}},
        {"n.qweight", D::I16, {128, 512}},
        {"n.scales", D::F16, {8, 512}},
        {"n.scaled_zeros", D::F16, {8, 512}}},
       "",
       "awq",
       4,
       std::nullopt,
       kWeights + 512 * 512},
      {"bnb nf4, double quantised",
       {{"m.weight", D::U8, {kWeights / 2, 1}},
        {"m.weight.absmax", D::U8, {2048}},
        {"m.weight.quant_map", D::F32, {16}},
        {"m.weight.nested_absmax", D::F32, {8}},
        {"m.weight.nested_quant_map", D::F32, {256}},
        {"m.weight.quant_state.bitsandbytes__nf4", D::U8, {117}}},
       R"({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true}})",
       "bnb-nf4",
       4,
       64},
      {"bnb fp4 in bf16 storage",
       {{"m.weight", D::BF16, {kWeights / 4, 1}},
        {"m.weight.absmax", D::F32, {2048}},
        {"m.weight.quant_map", D::F32, {16}},
        {"m.weight.quant_state.bitsandbytes__fp4", D::U8, {90}}},
       "",
       "bnb-fp4",
       4,
       64},
      {"bnb int8",
       {{"m.weight", D::I8, {256, 512}}, {"m.SCB", D::F32, {256}}, {"m.weight_format", D::U8, {}}},
       "",
       "bnb-int8",
       8},
      {"pack-quantized",
       {{"m.weight_packed", D::I32, {256, 64}},
        {"m.weight_scale", D::BF16, {256, 16}},
        {"m.weight_shape", D::I64, {2}}},
       kPacked4,
       "compressed-tensors",
       4,
       32},
      {"pack-quantized, asymmetric, by channel",
       {{"m.weight_packed", D::I32, {256, 128}},
        {"m.weight_scale", D::BF16, {256, 1}},
        {"m.weight_zero_point", D::I32, {64, 1}},
        {"m.weight_g_idx", D::I32, {512}}},
       R"({"quantization_config": {"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"num_bits": 8}}}}})",
       "compressed-tensors",
       8},
      {"pack-quantized 3 bits, ten a word",
       {{"m.weight_packed", D::I32, {256, 52}}, {"m.weight_scale", D::BF16, {256, 16}}},
       R"({"text_config": {"quantization_config": {"quant_method": "compressed-tensors",
           "config_groups": {"g": {"weights": {"num_bits": 3, "group_size": 32}}}}}})",
       "compressed-tensors",
       3,
       32},
      {"stacked experts, pack-quantized",
       {{"m.weight_packed", D::I32, {2, 128, 64}}, {"m.weight_scale", D::BF16, {2, 128, 16}}},
       kPacked4,
       "compressed-tensors",
       4,
       32},
      {"int-quantized",
       {{"m.weight", D::I8, {256, 512}}, {"m.weight_scale", D::BF16, {256, 1}}, {"m.input_scale", D::BF16, {1}}},
       "",
       "compressed-tensors",
       8},
      {"nvfp4 of compressed-tensors",
       {{"m.weight_packed", D::U8, {256, 256}},
        {"m.weight_scale", D::F8_E4M3, {256, 32}},
        {"m.weight_global_scale", D::F32, {1}},
        {"m.input_global_scale", D::F32, {1}}},
       "",
       "nvfp4",
       4,
       16},
      {"mxfp4 of compressed-tensors",
       {{"m.weight_packed", D::U8, {256, 256}}, {"m.weight_scale", D::U8, {256, 16}}},
       "",
       "mxfp4",
       4,
       32},
      {"nvfp4 of ModelOpt",
       {{"m.weight", D::U8, {256, 256}},
        {"m.weight_scale", D::F8_E4M3, {256, 32}},
        {"m.weight_scale_2", D::F32, {}},
        {"m.input_scale", D::F32, {}},
        {"m.pre_quant_scale", D::BF16, {512}},
        {"a.k_scale", D::F32, {}}},
       R"({"quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}})",
       "nvfp4",
       4,
       16},
      {"int4 of ModelOpt",
       {{"m.weight", D::U8, {128, 512}}, {"m.weight_scale", D::BF16, {256, 4}}, {"m.pre_quant_scale", D::BF16, {512}}},
       "",
       "modelopt-int4",
       4,
       128},
      {"mxfp8 of ModelOpt",
       {{"m.weight", D::F8_E4M3, {256, 512}}, {"m.weight_scale", D::U8, {256, 16}}},
       "",
       "mxfp8",
       8,
       32},
      {"fp8 by blocks",
       {{"m.weight", D::F8_E4M3, {256, 512}}, {"m.weight_scale_inv", D::F32, {2, 4}}},
       R"({"quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}})",
       "fp8",
       8,
       128},
      {"fp8 of stacked experts",
       {{"e.gate_up_proj", D::F8_E4M3, {2, 128, 512}},
        {"e.gate_up_proj_scale", D::F32, {2, 1, 512}},
        {"e.gate_up_proj_activation_scale", D::F32, {}}},
       "",
       "fp8",
       8},
      {"fp8 of Mistral's own form",
       {{"m.weight", D::F8_E4M3, {256, 512}}, {"m.qscale_weight", D::BF16, {}}, {"m.qscale_act", D::BF16, {}}},
       "",
       "fp8",
       8},
      {"fp8 and fp4 of DeepSeek-V4",
       {{"m.weight", D::I8, {256, 256}}, {"m.scale", D::F8_E8M0, {256, 16}}},
       "",
       "mxfp4",
       4,
       32},
      {"mxfp4 blocks",
       {{"e.down_proj_blocks", D::U8, {2, 128, 16, 16}}, {"e.down_proj_scales", D::U8, {2, 128, 16}}},
       "",
       "mxfp4",
       4,
       32},
      {"mlx 4 bits",
       {{"m.weight", D::U32, {256, 64}}, {"m.scales", D::BF16, {256, 8}}, {"m.biases", D::BF16, {256, 8}}},
       R"({"quantization": {"group_size": 64, "bits": 4}})",
       "mlx-affine",
       4,
       64},
      {"mlx 6 bits, by the module's own entry",
       {{"m.weight", D::U32, {256, 96}}, {"m.scales", D::BF16, {256, 16}}, {"m.biases", D::BF16, {256, 16}}},
       R"({"quantization": {"group_size": 64, "bits": 4, "m": {"group_size": 32, "bits": 6}}})",
       "mlx-affine",
       6,
       32},
      {"mlx mxfp4", {{"m.weight", D::U32, {256, 64}}, {"m.scales", D::U8, {256, 16}}}, "", "mxfp4", 4, 32},
      {"mlx nvfp4", {{"m.weight", D::U32, {256, 64}}, {"m.scales", D::U8, {256, 32}}}, "", "nvfp4", 4, 16},
      {"mlx mxfp8 of Ollama",
       {{"m.weight", D::U32, {256, 128}}, {"m.weight.scale", D::U8, {256, 16}}},
       "",
       "mxfp8",
       8,
       32},
      {"mlx nvfp4 of Ollama, stacked experts",
       {{"m.weight", D::U32, {2, 128, 64}},
        {"m.weight.scale", D::U8, {2, 128, 32}},
        {"m.weight.global_scale", D::F32, {2}}},
       "",
       "nvfp4",
       4,
       16},
      {"mlx mxfp4 of Ollama, names of mlx-lm",
       {{"m.weight", D::U32, {256, 64}}, {"m.scales", D::F8_E8M0, {256, 16}}},
       "",
       "mxfp4",
       4,
       32},
      {"mlx 8 bits of Ollama, by the config",
       {{"m.weight", D::U32, {256, 128}}, {"m.weight.scale", D::F16, {256, 8}}, {"m.weight.bias", D::F16, {256, 8}}},
       R"({"quantization": {"group_size": 64, "bits": 8}})",
       "mlx-affine",
       8,
       64},
      {"mlx with the names that Ollama loads",
       {{"m.weight", D::U32, {256, 64}}, {"m.weight_scale", D::BF16, {256, 8}}, {"m.weight_qbias", D::BF16, {256, 8}}},
       R"({"quantization": {"group_size": 64, "bits": 4}})",
       "mlx-affine",
       4,
       64},
      {"svdquant int4",
       {{"m.qweight", D::I8, {256, 256}},
        {"m.wscales", D::BF16, {8, 256}},
        {"m.smooth_factor", D::BF16, {512}},
        {"m.smooth_factor_orig", D::BF16, {512}},
        {"m.proj_down", D::BF16, {512, 128}},
        {"m.proj_up", D::BF16, {256, 128}}},
       "",
       "svdquant",
       4,
       64},
      {"svdquant nvfp4, names of the older writer",
       {{"m.qweight", D::I8, {256, 256}},
        {"m.wscales", D::F8_E4M3, {32, 256}},
        {"m.wcscales", D::BF16, {256}},
        {"m.wtscale", D::BF16, {1}},
        {"m.smooth", D::BF16, {512}},
        {"m.smooth_orig", D::BF16, {512}},
        {"m.lora_down", D::BF16, {512, 32}},
        {"m.lora_up", D::BF16, {256, 32}}},
       "",
       "svdquant",
       4,
       16},
      {"awq of Nunchaku",
       {{"m.qweight", D::I32, {64, 256}}, {"m.wscales", D::BF16, {8, 256}}, {"m.wzeros", D::BF16, {8, 256}}},
       "",
       "awq",
       4,
       64},
      {"mxfp4 blocks of gpt-oss's own form",
       {{"e.mlp2_weight.blocks", D::U8, {2, 128, 16, 16}}, {"e.mlp2_weight.scales", D::U8, {2, 128, 16}}},
       "",
       "mxfp4",
       4,
       32},
      {"fp8 of ComfyUI, one scale",
       {{"m.weight", D::F8_E5M2, {256, 512}},
        {"m.scale_weight", D::F32, {}},
        {"m.scale_input", D::F32, {1}},
        {"t5xxl.scaled_fp8", D::F8_E5M2, {2}}},
       "",
       "fp8",
       8},
      {"fp8 of ComfyUI, a scale for each group",
       {{"m.weight", D::F8_E4M3, {256, 512}}, {"m.scale_weight", D::F32, {256, 4, 1}}, {"scaled_fp8", D::F8_E4M3, {0}}},
       "",
       "fp8",
       8,
       128},
      {"fp8 of ComfyUI with its marker",
       {{"m.weight", D::F8_E4M3, {256, 512}},
        {"m.weight_scale", D::F32, {}},
        {"m.input_scale", D::F32, {}},
        {"m.comfy_quant", D::U8, {27}}},
       "",
       "fp8",
       8},
      {"int8 of ComfyUI, one scale",
       {{"m.weight", D::I8, {256, 512}}, {"m.weight_scale", D::F32, {}}, {"m.comfy_quant", D::U8, {29}}},
       "",
       "int8",
       8},
      {"int8 of ComfyUI, older names",
       {{"m.weight", D::I8, {256, 512}}, {"m.scale_weight", D::F32, {256, 1}}},
       "",
       "int8",
       8},
      {"nvfp4 of ComfyUI",
       {{"m.weight", D::U8, {256, 256}},
        {"m.weight_scale", D::F8_E4M3, {256, 32}},
        {"m.weight_scale_2", D::F32, {}},
        {"m.input_scale", D::F32, {}},
        {"m.comfy_quant", D::U8, {19}}},
       "",
       "nvfp4",
       4,
       16},
      {"codebooks of ComfyUI",
       {{"m.weight", D::U8, {2, 128, 256}},
        {"m.weight_s_rel", D::F16, {2, 128, 32}},
        {"m.weight_s_channel", D::F32, {2, 128, 1}},
        {"m.weight_codebook", D::F32, {16}},
        {"m.comfy_quant", D::U8, {40}}},
       "",
       "int4",
       4,
       16},
      {"hqq 4 bits",
       {{"m.W_q", D::U8, {1024, 64}},
        {"m.scale", D::F16, {2048, 1}},
        {"m.zero", D::F16, {2048, 1}},
        {"m.shape", D::I64, {2}},
        {"m.nbits", D::I32, {}}},
       R"({"quantization_config": {"quant_method": "hqq", "quant_config": {"weight_quant_params": {"nbits": 4, "group_size": 64}}}})",
       "hqq",
       4,
       64},
      {"hqq 3 bits, ten a word with padding",
       {{"m.W_q", D::I32, {205, 64}}, {"m.scale", D::F16, {2048, 1}}},
       "",
       "hqq",
       3},
      {"eetq", {{"m.qweight", D::I8, {512, 256}}, {"m.weight_scales", D::F16, {256}}}, "", "eetq", 8},
      {"bitnet",
       {{"m.weight", D::U8, {64, 512}}, {"m.weight_scale", D::BF16, {1}}},
       R"({"quantization_config": {"quant_method": "bitnet"}})",
       "bitnet",
       2},
      {"quanto int8",
       {{"m.weight._data", D::I8, {256, 512}}, {"m.weight._scale", D::F16, {256, 1}}, {"m.input_scale", D::F16, {}}},
       "",
       "quanto",
       8},
      {"quanto int4",
       {{"m.weight._data._data", D::U8, {512, 128}},
        {"m.weight._scale", D::F16, {1024, 1}},
        {"m.weight._shift", D::F16, {1024, 1}}},
       R"({"quantization_config": {"quant_method": "quanto", "weights": "int4"}})",
       "quanto",
       4},
      {"torchao int4",
       {{"m._weight_qdata", D::I8, {256, 256}},
        {"m._weight_scale", D::BF16, {4, 256}},
        {"m._weight_zero_point", D::BF16, {4, 256}}},
       "",
       "torchao",
       4},
      {"torchao float8",
       {{"m._weight_qdata", D::F8_E4M3, {256, 512}}, {"m._weight_scale", D::F32, {256, 1}}},
       "",
       "torchao",
       8},
      {"aqlm",
       {{"m.codes", D::I16, {256, 64, 1}},
        {"m.codebooks", D::F16, {1, 65536, 1, 8}},
        {"m.scales", D::F16, {256, 1, 1, 1}}},
       "",
       "aqlm",
       2,
       8},
      {"quip",
       {{"m.Qidxs", D::I64, {256, 16}}, {"m.SU", D::F16, {512}}, {"m.SV", D::F16, {256}}, {"m.Wscale", D::F32, {}}},
       "",
       "quip",
       2},
      {"vptq",
       {{"m.indices", D::I32, {1, 32, 512}},
        {"m.centroids.weight", D::F16, {1, 524288}},
        {"m.perm", D::I16, {512}},
        {"m.weight_scale", D::F16, {512}},
        {"m.weight_bias", D::F16, {512}}},
       R"({"quantization_config": {"quant_method": "vptq", "config_for_layers": {"m": {"in_features": 512, "out_features": 256}}}})",
       "vptq",
       std::nullopt},
      {"exl2",
       {{"m.q_weight", D::I32, {72, 256}},
        {"m.q_scale", D::I32, {4, 32}},
        {"m.q_scale_max", D::F16, {4}},
        {"m.q_groups", D::I16, {8}},
        {"m.q_invperm", D::I32, {512}}},
       "",
       "exl2",
       std::nullopt},
      {"exl3",
       {{"m.trellis", D::I16, {32, 16, 48}}, {"m.suh", D::F16, {512}}, {"m.svh", D::F16, {256}}, {"m.mcg", D::I32, {}}},
       "",
       "exl3",
       3},
      {"marlin", {{"m.B", D::I32, {32, 512}}, {"m.s", D::F16, {4, 256}}}, "", "gptq", 4},
      {"2:4 sparse marlin",
       {{"m.weight_packed", D::I32, {16, 512}}, {"m.scale_packed", D::F16, {4, 256}}, {"m.meta", D::I16, {16, 512}}},
       R"({"quantization_config": {"quant_method": "compressed-tensors", "config_groups": {"g": {"weights": {"num_bits": 4}}}}})",
       "compressed-tensors",
       4},
      {"sparse bitmask",
       {{"m.compressed", D::BF16, {65536}},
        {"m.bitmask", D::U8, {256, 64}},
        {"m.shape", D::I64, {2}},
        {"m.row_offsets", D::I64, {256}}},
       "",
       "compressed-tensors",
       std::nullopt},
  };
  return rows;
}

}  // namespace

TEST_CASE("every scheme's logical count is the unquantised model's") {
  for (const SchemeRow& row : scheme_rows()) {
    CAPTURE(row.name);
    std::vector<TensorSpec> tensors = row.tensors;
    tensors.push_back({"m.bias", Dtype::F16, {256}});
    tensors.push_back({"norm.weight", Dtype::BF16, {512}});
    const Model model = describe(safetensors(tensors, row.config));
    CHECK(model.total_parameters == row.parameters + 256 + 512);
    CHECK(model.active_parameters == model.total_parameters);
    REQUIRE(model.quantization);
    CHECK(model.quantization->scheme == row.scheme);
    CHECK(model.quantization->bits == row.bits);
    CHECK(model.quantization->group_size == row.group_size);
    // A config that says what the tensors say gives no finding, whatever the scheme.
    if (!row.config.empty()) CHECK(codes(model).empty());
  }
}

TEST_CASE("companions are found across shards") {
  Checkpoint checkpoint =
      safetensors({{"m.qweight", Dtype::I32, {64, 256}}, {"m.qzeros", Dtype::I32, {4, 32}}}, kGptq4);
  Checkpoint other = safetensors({{"m.scales", Dtype::F16, {4, 256}}, {"m.g_idx", Dtype::I32, {512}}});
  checkpoint.files.push_back(std::move(other.files.front()));
  const Model model = describe(std::move(checkpoint));
  CHECK(model.total_parameters == kWeights);
  CHECK(model.tensors[0].parameters == kWeights);
  CHECK(model.tensors[2].parameters == 0);
}

TEST_CASE("what no scheme claims counts as stored") {
  const std::vector<TensorSpec> tensors = {
      {"h.weight", Dtype::U32, {256, 64}},          // no scales beside it
      {"l.router.scale", Dtype::BF16, {256}},       // a learned scale
      {"l.std_scale", Dtype::BF16, {10}},           // likewise, and no companion of anything
      {"l.rotary_emb.inv_freq", Dtype::F32, {64}},  // buffers are stored, so they are counted
      {"l.attention.masked_bias", Dtype::F32, {}},
      {"l.attention.bias", Dtype::BOOL, {1, 1, 4, 4}},
      {"l.gate.e_score_correction_bias", Dtype::F32, {8}},
      {"l.gate.tid2eid", Dtype::I64, {100, 6}},  // a routing table
  };
  const Model model = describe(safetensors(tensors));
  CHECK(model.total_parameters == 256 * 64 + 256 + 10 + 64 + 1 + 16 + 8);
  CHECK_FALSE(model.quantization);
  CHECK(codes(model) == std::vector<std::string>{"packing-unknown"});
}

TEST_CASE("EAGLE's tables between two vocabularies are no parameters") {
  const std::vector<TensorSpec> tensors = {
      {"d2t", Dtype::I64, {320}}, {"t2d", Dtype::BOOL, {1280}}, {"lm_head.weight", Dtype::BF16, {320, 8}}};
  const Model model = describe(safetensors(tensors));
  CHECK(model.total_parameters == 320 * 8);
  CHECK(model.tensors[0].role == Role::Buffer);
  CHECK(model.tensors[1].role == Role::Buffer);
  CHECK(codes(model).empty());
}

TEST_CASE("integers in no known packing: a warning, unless they are a part of the weights only") {
  using D = Dtype;
  struct Row {
    std::string_view name;
    std::vector<TensorSpec> tensors;
    bool warns;
  };
  const TensorSpec embedding{"model.embed_tokens.weight", D::BF16, {4096, 512}};
  const std::string block = "model.layers.0.";
  const std::vector<Row> rows = {
      {"a large embedding hides nothing", {embedding, {block + "mlp.up_proj.packed", D::U32, {256, 64}}}, true},
      {"bytes", {{block + "mlp.up_proj.weight", D::U8, {256, 256}}, {block + "norm.weight", D::F32, {512}}}, true},
      {"signed bytes",
       {{block + "mlp.up_proj.q", D::I8, {256, 256}}, {block + "mlp.up_proj.z", D::F16, {256, 8}}},
       true},
      {"words", {{block + "self_attn.q_proj.pack", D::I32, {256, 64}}}, true},
      {"most weights are floats",
       {{block + "mlp.up_proj.weight", D::F16, {256, 64}}, {block + "mlp.table", D::I32, {256, 63}}},
       false},
      {"8-bit floats without scales", {{block + "mlp.up_proj.weight", D::F8_E4M3, {256, 512}}}, false},
      {"a known packing",
       {embedding, {block + "mlp.up_proj.weight", D::U32, {256, 64}}, {block + "mlp.up_proj.scales", D::U8, {256, 16}}},
       false},
      {"nothing but a table of bytes", {{"embedding.weight", D::I8, {4096, 256}}}, true},
      {"a list of positions", {embedding, {"position_ids", D::I64, {1, 512}}}, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Model model = describe(safetensors(row.tensors));
    const auto found = codes(model);
    CHECK((std::ranges::find(found, "packing-unknown") != found.end()) == row.warns);
  }
}

TEST_CASE("config and tensors that disagree: a warning, and the tensors win") {
  const std::vector<TensorSpec> gptq3 = {
      {"m.qweight", Dtype::I32, {48, 256}}, {"m.scales", Dtype::F16, {4, 256}}, {"m.g_idx", Dtype::I32, {512}}};
  const std::vector<TensorSpec> plain = {{"m.weight", Dtype::BF16, {256, 512}}};
  const std::vector<TensorSpec> mlx = {{"m.weight", Dtype::U32, {256, 64}}, {"m.scales", Dtype::BF16, {256, 8}}};
  struct Row {
    std::string_view name;
    std::vector<TensorSpec> tensors;
    std::string_view config;
    std::vector<std::string> codes;
  };
  const std::vector<Row> rows = {
      {"bits", gptq3, kGptq4, {"quantization-bits-mismatch"}},
      {"method", gptq3, R"({"quantization_config": {"quant_method": "awq", "bits": 3}})", {"quantization-mismatch"}},
      {"nothing packed", plain, kGptq4, {"quantization-not-found"}},
      {"bits neither stated nor in the shapes", mlx, "", {"quantization-bits-assumed"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Model model = describe(safetensors(row.tensors, row.config));
    CHECK(model.total_parameters == kWeights);
    CHECK(codes(model) == row.codes);
    CHECK(model.findings.front().severity == Severity::Warning);
  }
}

TEST_CASE("layers of unlike widths each count by their own, the commonest is named") {
  const std::vector<TensorSpec> tensors = {
      {"a.weight", Dtype::U32, {256, 64}},   {"a.scales", Dtype::BF16, {256, 8}}, {"b.weight", Dtype::U32, {256, 64}},
      {"b.scales", Dtype::BF16, {256, 8}},   {"c.weight", Dtype::U32, {256, 96}}, {"c.scales", Dtype::BF16, {256, 8}},
      {"d.weight", Dtype::BF16, {256, 512}},
  };
  const Model model = describe(safetensors(
      tensors, R"({"quantization": {"group_size": 64, "bits": 4, "c": {"group_size": 64, "bits": 6}, "d": false}})"));
  CHECK(model.total_parameters == 4 * kWeights);
  CHECK(model.quantization->bits == 4);
  CHECK(codes(model).empty());
}

TEST_CASE("torchao's class is read from the header") {
  Checkpoint checkpoint =
      safetensors({{"m._weight_qdata", Dtype::I8, {256, 256}}, {"m._weight_scale", Dtype::BF16, {256, 4}}});
  add_key({.key = "m.weight", .text = R"({"_type": "Int4Tensor", "_data": {}})"}, checkpoint.files.front());
  CHECK(describe(std::move(checkpoint)).total_parameters == kWeights);
}

TEST_CASE("what a header says of all its modules or of one decides between like shapes") {
  // 8 bits in groups of 32 and 4 bits in groups of 64 have the same shapes.
  struct Row {
    std::string_view name;
    std::vector<std::pair<std::string, std::string>> header;
    std::uint64_t bits, group_size;
  };
  const std::vector<Row> rows = {
      {"for the file", {{"quant_type", "int8"}, {"group_size", "32"}}, 8, 32},
      {"for the file", {{"quant_type", "int4"}, {"group_size", "64"}}, 4, 64},
      {"for the tensor", {{"m.weight.quant_type", "int8"}, {"m.weight.group_size", "32"}}, 8, 32},
      {"its own before the file's",
       {{"quant_type", "int4"}, {"group_size", "64"}, {"m.weight.quant_type", "q8"}, {"m.weight.group_size", "32"}},
       8,
       32},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Checkpoint checkpoint = safetensors({{"m.weight", Dtype::U32, {256, 64}},
                                         {"m.weight.scale", Dtype::BF16, {256, 8}},
                                         {"m.weight.bias", Dtype::BF16, {256, 8}}});
    for (const auto& [key, text] : row.header) add_key({.key = key, .text = text}, checkpoint.files.front());
    const Model model = describe(std::move(checkpoint));
    CHECK(model.total_parameters == 256 * 64 * 32 / row.bits);
    REQUIRE(model.quantization);
    CHECK(model.quantization->bits == row.bits);
    CHECK(model.quantization->group_size == row.group_size);
    CHECK(codes(model).empty());
  }
}

TEST_CASE("ComfyUI's header tells its 4-bit integers from its 8-bit ones") {
  const std::vector<TensorSpec> tensors = {{"m.a.weight", Dtype::I8, {256, 256}},
                                           {"m.a.weight_scale", Dtype::F32, {256, 1}},
                                           {"m.b.weight", Dtype::I8, {64, 256}},
                                           {"m.b.weight_scale", Dtype::F32, {64, 1}}};
  Checkpoint checkpoint = safetensors(tensors);
  add_key(
      {.key = "_quantization_metadata",
       .text = R"({"layers": {"m.a": {"format": "convrot_w4a4"}, "m.b": {"format": "int8_tensorwise"}, "m.c": 1}})"},
      checkpoint.files.front());
  const Model model = describe(std::move(checkpoint));
  CHECK(model.total_parameters == kWeights + 64 * 256);
  REQUIRE(model.quantization);
  CHECK(model.quantization->scheme == "int4");

  checkpoint = safetensors(tensors);
  add_key({.key = "_quantization_metadata", .text = "{\"layers\": ["}, checkpoint.files.front());
  CHECK(describe(std::move(checkpoint)).total_parameters == 256 * 256 + 64 * 256);
}

namespace {

struct ComfyLayer {
  std::string name;
  std::uint64_t out, in;
};

// Layers in one of ComfyUI's formats as it writes them, with the marker whose text is not read.
std::vector<TensorSpec> comfy(const std::vector<ComfyLayer>& layers, std::uint64_t bits, std::uint64_t marker) {
  std::vector<TensorSpec> tensors;
  for (const ComfyLayer& layer : layers) {
    tensors.push_back({layer.name + ".weight", Dtype::I8, {layer.out, layer.in * bits / 8}});
    tensors.push_back({layer.name + ".weight_scale", Dtype::F32, {layer.out}});
    if (marker != 0) tensors.push_back({layer.name + ".comfy_quant", Dtype::U8, {marker}});
  }
  return tensors;
}

std::vector<TensorSpec> operator+(std::vector<TensorSpec> a, const std::vector<TensorSpec>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::uint64_t weights_of(const std::vector<ComfyLayer>& layers) {
  std::uint64_t sum = 0;
  for (const ComfyLayer& layer : layers) sum += layer.out * layer.in;
  return sum;
}

}  // namespace

TEST_CASE("the shapes around ComfyUI's integers tell 4 bits from 8 where no header does") {
  const std::string block = "blocks.3.";
  const std::vector<ComfyLayer> attention = {
      {block + "to_q", 512, 512}, {block + "to_kv", 128, 512}, {block + "to_out", 512, 512}};
  const std::vector<ComfyLayer> gated = {{block + "ff.0.proj", 4096, 512}, {block + "ff.2", 512, 2048}};
  const std::vector<ComfyLayer> plain = {{block + "mlp.0", 2048, 512}, {block + "mlp.2", 512, 2048}};
  struct Row {
    std::string_view name;
    std::vector<ComfyLayer> layers;
    std::vector<TensorSpec> beside;
    std::uint64_t beside_parameters;
  };
  std::vector<ComfyLayer> whole = attention;
  whole.insert(whole.end(), plain.begin(), plain.end());
  std::vector<ComfyLayer> with_gate = attention;
  with_gate.insert(with_gate.end(), gated.begin(), gated.end());
  const std::vector<Row> rows = {
      {"a norm of the block", with_gate, {{block + "norm1.weight", Dtype::BF16, {512}}}, 512},
      {"a norm named scale", with_gate, {{block + "norm1.scale", Dtype::BF16, {512}}}, 512},
      {"a plain layer elsewhere", with_gate, {{"final.weight", Dtype::BF16, {64, 512}}}, 64 * 512},
      {"a scale of its inputs", {{"m", 300, 512}}, {{"m.pre_quant_scale", Dtype::F32, {512}}}, 0},
      {"what the other layers write", whole, {}, 0},
  };
  for (const Row& row : rows) {
    for (const std::uint64_t bits : {4, 8}) {
      for (const std::uint64_t marker : {0, 26}) {
        CAPTURE(row.name, bits, marker);
        const Model model = describe(safetensors(comfy(row.layers, bits, marker) + row.beside));
        CHECK(model.known_total() == weights_of(row.layers) + row.beside_parameters);
        REQUIRE(model.quantization);
        CHECK(model.quantization->bits == bits);
      }
    }
  }
}

TEST_CASE("where nothing tells how many weights a byte holds, the parameters are unknown") {
  const TensorSpec narrow{"blocks.0.norm.weight", Dtype::F32, {256}};
  const TensorSpec wide{"blocks.0.norm.weight", Dtype::F32, {512}};
  const std::vector<ComfyLayer> square = {{"blocks.0.to_q", 512, 512}};
  struct Row {
    std::string_view name;
    std::vector<TensorSpec> tensors;
    bool known;
  };
  const std::vector<Row> rows = {
      {"nothing beside it", comfy(square, 4, 26), false},
      {"its own bias", comfy(square, 4, 26) + std::vector<TensorSpec>{{"blocks.0.to_q.bias", Dtype::F32, {512}}},
       false},
      {"layers that write half of what they read, as grouped heads do",
       comfy({{"blocks.0.to_q", 512, 512}, {"blocks.0.to_k", 256, 512}, {"blocks.0.to_out", 512, 512}}, 4, 26), false},
      {"norms of both widths",
       comfy(square, 4, 26) + std::vector<TensorSpec>{narrow, {"blocks.0.norm2.weight", Dtype::F32, {512}}}, false},
      {"layers that contradict each other",
       comfy({{"blocks.0.a", 64, 512}}, 4, 29) + comfy({{"blocks.0.b", 64, 512}}, 8, 29) +
           std::vector<TensorSpec>{wide},
       false},
      {"markers of two lengths",
       comfy({{"blocks.0.a", 64, 512}}, 4, 26) + comfy({{"blocks.0.b", 64, 512}}, 8, 29) +
           std::vector<TensorSpec>{wide},
       true},
      {"a few among many plain weights",
       comfy(square, 4, 26) + std::vector<TensorSpec>{{"head.weight", Dtype::BF16, {9000, 3000}}}, false},
      {"without a marker bytes are one weight each", comfy(square, 8, 0), true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const Model model = describe(safetensors(row.tensors));
    CHECK(model.known_total().has_value() == row.known);
    CHECK(model.active_parameters.has_value() == row.known);
    CHECK(model.bits_per_weight().has_value() == row.known);
    const auto found = codes(model);
    CHECK((std::ranges::find(found, "packing-unknown") == found.end()) == row.known);
  }
}

TEST_CASE("a config that states a scheme is believed before the shapes around it") {
  const Model model = describe(
      safetensors({{"m.weight", Dtype::I8, {512, 256}},
                   {"m.weight_scale", Dtype::F32, {512, 1}},
                   {"norm.weight", Dtype::F32, {512}}},
                  R"({"quantization_config": {"quant_method": "compressed-tensors", "format": "int-quantized"}})"));
  CHECK(model.known_total() == 512 * 256 + 512);
}

TEST_CASE("experts of an unknown packing work in an unknown number") {
  const std::string experts = "model.layers.0.mlp.experts.";
  const Model model = describe(safetensors({{experts + "0.up_proj.packed", Dtype::U8, {64, 64}},
                                            {experts + "1.up_proj.packed", Dtype::U8, {64, 64}},
                                            {"model.layers.0.mlp.gate.weight", Dtype::F32, {2, 64}}},
                                           R"({"num_experts": 2, "num_experts_per_tok": 1})"));
  CHECK_FALSE(model.known_total());
  CHECK_FALSE(model.active_parameters);
  REQUIRE(model.experts);
  CHECK_FALSE(known_parameters(*model.experts));
  CHECK_FALSE(model.experts->active_parameters);
}

TEST_CASE("a stacked weight's zero points may be named its bias") {
  Checkpoint checkpoint = safetensors({{"experts.gate_up_proj", Dtype::U32, {2, 128, 64}},
                                       {"experts.gate_up_proj.scale", Dtype::BF16, {2, 128, 16}},
                                       {"experts.gate_up_proj.bias", Dtype::BF16, {2, 128, 16}}});
  add_key({.key = "quant_type", .text = "int4"}, checkpoint.files.front());
  add_key({.key = "group_size", .text = "32"}, checkpoint.files.front());
  CHECK(describe(std::move(checkpoint)).total_parameters == kWeights);
}

TEST_CASE("gpt-oss's own form: experts by the names of its two matrices") {
  const std::string block = "block.0.mlp.";
  const Model model = describe(safetensors({{"embedding.weight", Dtype::BF16, {10, 64}},
                                            {block + "gate.weight", Dtype::BF16, {4, 64}},
                                            {block + "mlp1_weight.blocks", Dtype::U8, {4, 96, 2, 16}},
                                            {block + "mlp1_weight.scales", Dtype::U8, {4, 96, 2}},
                                            {block + "mlp1_bias", Dtype::BF16, {4, 96}},
                                            {block + "mlp2_weight.blocks", Dtype::U8, {4, 64, 2, 16}},
                                            {block + "mlp2_weight.scales", Dtype::U8, {4, 64, 2}},
                                            {block + "mlp2_bias", Dtype::BF16, {4, 64}}},
                                           R"({"num_experts": 4, "experts_per_token": 2, "hidden_size": 64})"));
  constexpr std::uint64_t kExperts = 4 * (96 * 64 + 64 * 64 + 96 + 64);
  CHECK(model.total_parameters == 640 + 256 + kExperts);
  CHECK(model.active_parameters == 640 + 256 + kExperts / 2);
  CHECK(codes(model).empty());
}

TEST_CASE("a GGUF counts its elements, but no scales beside packed weights and no routing table") {
  const std::vector<TensorSpec> tensors = {
      {"blk.0.attn_q.weight", Dtype::NVFP4, {256, 512}},
      {"blk.0.attn_q.scale", Dtype::F32, {1}},
      {"blk.0.attn_q.input_scale", Dtype::F32, {1}},
      {"blk.0.ffn_up.weight", Dtype::TQ2_0, {256, 512}},
      {"blk.0.ffn_up.scale", Dtype::F32, {1}},
      {"blk.0.ffn_gate_tid2eid.weight", Dtype::I32, {100, 6}},
      {"blk.0.ffn_down_exps.weight", Dtype::Q4_K, {4, 256, 512}},
      {"blk.0.ffn_down_exps.scale", Dtype::F32, {4}},  // learned, one for each expert
      {"rope_freqs.weight", Dtype::F32, {64}},
  };
  const Model model = describe(gguf(tensors, {{"general.architecture", {}, "gemma4"}}));
  CHECK(model.total_parameters == kWeights + kWeights + 4 * kWeights + 4 + 64);
  CHECK_FALSE(model.quantization);
}
