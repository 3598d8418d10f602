#include "src/model/packing/quantization_config.h"

#include <initializer_list>
#include <nlohmann/json.hpp>

#include "src/model/config.h"

namespace weigh::core {

using nlohmann::json;

namespace {

std::optional<std::uint64_t> first_number(const json& section, std::initializer_list<std::string_view> paths) {
  for (const std::string_view path : paths) {
    const json* value = member(section, path);
    if (value == nullptr) continue;
    if (const auto number = unsigned_value(*value)) return number;
  }
  return std::nullopt;
}

bool is_true(const json& section, std::string_view key) {
  const json* value = member(section, key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::string_view text(const json& section, std::string_view path) {
  const json* value = member(section, path);
  return value != nullptr && value->is_string() ? std::string_view(value->get_ref<const std::string&>())
                                                : std::string_view();
}

StatedBits stated(const json& section) {
  StatedBits bits{
      .bits = first_number(
          section, {"bits", "w_bit", "num_bits", "quant_config.weight_quant_params.nbits", "quantization.bits"}),
      .group_size = first_number(section, {"group_size", "q_group_size", "quant_config.weight_quant_params.group_size",
                                           "quantization.group_size"}),
  };
  if (is_true(section, "load_in_4bit")) bits.bits = 4;
  if (is_true(section, "load_in_8bit")) bits.bits = 8;
  const std::string_view weights = text(section, "weights");  // quanto: "int4", "qint4", "float8"
  for (const std::uint64_t width : {2U, 4U, 8U}) {
    if (!weights.empty() && weights.back() == static_cast<char>('0' + width)) bits.bits = width;
  }
  return bits;
}

const json* find_section(const Checkpoint& checkpoint) {
  const ConfigReader config(checkpoint.config.get());
  const json* section = config.find({"quantization_config", "quantization", "compression_config.quantization_config"});
  if (section == nullptr) section = checkpoint.quantization_config.get();
  return section != nullptr && section->is_object() ? section : nullptr;
}

}  // namespace

StatedBits QuantizationConfig::of(std::string_view module) const {
  if (section == nullptr) return {};
  const auto entry = section->find(module);
  if (entry == section->end() || !entry->is_object()) return all;
  const StatedBits own = stated(*entry);
  return {.bits = own.bits ? own.bits : all.bits, .group_size = own.group_size ? own.group_size : all.group_size};
}

QuantizationConfig read_quantization_config(const Checkpoint& checkpoint) {
  QuantizationConfig config;
  config.section = find_section(checkpoint);
  if (config.section == nullptr) return config;
  const json& section = *config.section;
  config.method = text(section, "quant_method");
  if (config.method.empty() && text(section, "producer.name") == "modelopt") config.method = "modelopt";
  if (config.method.empty() && section.contains("group_size") && section.contains("bits") &&
      member(section, "damp_percent") == nullptr && checkpoint.quantization_config.get() != config.section) {
    config.method = "mlx";
  }
  config.all = stated(section);
  if (const json* groups = member(section, "config_groups"); groups != nullptr && groups->is_object()) {
    for (const json& group : *groups) {
      if (const json* weights = member(group, "weights")) config.groups.push_back(stated(*weights));
    }
    if (config.groups.size() == 1) config.all = config.groups.front();
  }
  return config;
}

}  // namespace weigh::core
