// The JSON beside the weights: config.json, tokenizer_config.json and a config of the quantisation, a zero byte between
// two, with the tensors of a small model of many kinds.
#include <nlohmann/json.hpp>

#include "formats/error.h"
#include "src/source/parse_json.h"
#include "tests/fuzz/weigh_everywhere.h"

namespace {

using namespace weigh::core;

// Attention, experts, a Mamba mixer, packed weights and a vision tower: what a config may speak of is there.
std::string small_model() {
  std::string header = "{";
  std::uint64_t at = 0;
  const auto add = [&](const std::string& name, const char* dtype, std::uint64_t bytes_each, std::uint64_t rows,
                       std::uint64_t columns) {
    const std::uint64_t end = at + rows * columns * bytes_each;
    header += (header.size() > 1 ? "," : "") + ('"' + name) + R"(":{"dtype":")" + dtype + R"(","shape":[)" +
              std::to_string(rows) + ',' + std::to_string(columns) + R"(],"data_offsets":[)" + std::to_string(at) +
              ',' + std::to_string(end) + "]}";
    at = end;
  };
  add("model.embed_tokens.weight", "BF16", 2, 32, 8);
  add("lm_head.weight", "BF16", 2, 32, 8);
  for (const char* layer : {"model.layers.0.", "model.layers.1."}) {
    for (const char* name : {"q_proj", "k_proj", "v_proj", "o_proj"}) {
      add(std::string(layer) + "self_attn." + name + ".weight", "BF16", 2, 8, 8);
    }
    for (const char* expert : {"0", "1"}) {
      add(std::string(layer) + "mlp.experts." + expert + ".up_proj.weight", "BF16", 2, 16, 8);
    }
    add(std::string(layer) + "mlp.gate.weight", "BF16", 2, 2, 8);
    add(std::string(layer) + "mixer.A_log", "F32", 4, 8, 4);
    add(std::string(layer) + "mixer.in_proj.qweight", "I32", 4, 1, 8);
    add(std::string(layer) + "mixer.in_proj.qzeros", "I32", 4, 1, 1);
    add(std::string(layer) + "mixer.in_proj.scales", "F16", 2, 1, 8);
  }
  add("vision_tower.blocks.0.attn.qkv.weight", "BF16", 2, 24, 8);
  header += '}';
  const std::uint64_t length = header.size();
  std::string file(8, '\0');
  for (unsigned i = 0; i < 8; ++i) file[i] = static_cast<char>(length >> (8 * i));
  return file + header + std::string(at, '\0');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string kModel = small_model();
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto next = [&](const char* name) -> std::shared_ptr<const nlohmann::json> {
    const std::string_view part = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const ParsedJson json = parse_json(part, json_limits_of(name));
    if (!json && json.problem.empty()) __builtin_trap();
    return json && json.value->is_object() ? json.value : nullptr;
  };
  Checkpoint checkpoint;
  MemorySource source(std::as_bytes(std::span(kModel)));
  checkpoint.files.push_back(read_model_file(source, "model.safetensors"));
  checkpoint.files.back().name = "model.safetensors";
  checkpoint.file_paths.emplace_back("model.safetensors");
  checkpoint.config = next("config.json");
  checkpoint.tokenizer_config = next("tokenizer_config.json");
  checkpoint.quantization_config = next("quantize_config.json");
  weigh_everywhere(describe(std::move(checkpoint)));
  return 0;
}
