// Three writers say in the header how a module is packed. torchao: one JSON text per tensor, which names its class.
// Ollama's MLX blobs: "quant_type" and "group_size" for the whole file, or "TENSOR.quant_type" where they differ.
// ComfyUI: "_quantization_metadata", a JSON text with the format of each layer.

#include "src/model/packing/header_statements.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "formats/text.h"
#include "src/model/config.h"
#include "src/model/packing/schemes.h"
#include "src/source/parse_json.h"

namespace weigh::core {

namespace {

constexpr std::string_view kTypeEnd = ".quant_type";
constexpr std::string_view kGroupEnd = ".group_size";

// Formats whose last digit is not the width of a stored weight.
struct FormatRow {
  std::string_view format;
  std::uint64_t bits;
};
constexpr auto kFormats = std::to_array<FormatRow>({
    {"asym_w4a8_int8", 4},
    {"convrot_w4a4", 4},
    {"float8_e4m3fn", 8},
    {"float8_e5m2", 8},
    {"int4_tensorwise", 4},
    {"int8_blockwise", 8},
    {"int8_tensorwise", 8},
});

std::string_view text_of(const MetadataEntry& entry) {
  return {reinterpret_cast<const char*>(entry.bytes.data()), entry.bytes.size()};
}

}  // namespace

std::optional<std::uint64_t> HeaderStatement::bits() const {
  const auto row = std::ranges::find(kFormats, format, &FormatRow::format);
  if (row != kFormats.end()) return row->bits;
  // "int4", "q8", "nvfp4", "mxfp8": the width is the last digit.
  if (format.size() < 2 || format.back() < '2' || format.back() > '8') return std::nullopt;
  const char before = format[format.size() - 2];
  if (before >= '0' && before <= '9') return std::nullopt;
  return static_cast<std::uint64_t>(format.back() - '0');
}

HeaderStatements::HeaderStatements(const Checkpoint& checkpoint, const NameIndex& modules) {
  for (const ModelFile& file : checkpoint.files) {
    if (file.format == Format::Safetensors) read(file, modules);
  }
}

void HeaderStatements::read(const ModelFile& file, const NameIndex& modules) {
  constexpr std::string_view kClass = "\"_type\": \"";
  for (const MetadataEntry& entry : file.metadata.entries) {
    if (entry.type != ValueType::String) continue;
    std::string_view text = text_of(entry);
    const std::string_view key = entry.key;
    if (key == "quant_type") {
      by_file_[&file].format = text;
    } else if (key == "group_size") {
      by_file_[&file].group_size = parse_uint(text);
    } else if (key == "_quantization_metadata") {
      read_comfy(text, modules);
    } else if (key.ends_with(kTypeEnd) || key.ends_with(kGroupEnd)) {
      const std::string_view tensor = key.substr(0, key.rfind('.'));
      const std::uint32_t module = modules.find(split_name(tensor).module);
      if (module == NameIndex::none) continue;
      if (key.ends_with(kTypeEnd)) {
        by_module_[module].format = text;
      } else {
        by_module_[module].group_size = parse_uint(text);
      }
    } else if (const std::size_t at = text.find(kClass); at != text.npos) {
      const std::uint32_t module = modules.find(split_name(key).module);
      if (module == NameIndex::none) continue;
      text.remove_prefix(at + kClass.size());
      by_module_[module].torchao_type = text.substr(0, text.find('"'));
    }
  }
}

void HeaderStatements::read_comfy(std::string_view text, const NameIndex& modules) {
  const ParsedJson json = parse_json(text, kHeaderJson);
  const nlohmann::json* layers = json ? member(*json.value, "layers") : nullptr;
  if (layers == nullptr || !layers->is_object()) return;
  for (const auto& [name, layer] : layers->items()) {
    const nlohmann::json* format = member(layer, "format");
    const std::uint32_t module = modules.find(name);
    if (module == NameIndex::none || format == nullptr || !format->is_string()) continue;
    by_module_[module].format = format->get_ref<const std::string&>();
  }
}

const HeaderStatement& HeaderStatements::of(std::uint32_t module, const ModelFile* file) const {
  if (const auto own = by_module_.find(module); own != by_module_.end()) return own->second;
  const auto whole = by_file_.find(file);
  return whole != by_file_.end() ? whole->second : none_;
}

}  // namespace weigh::core
