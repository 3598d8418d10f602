#include "src/model/config.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace weigh::core {

using nlohmann::json;

std::optional<std::uint64_t> unsigned_value(const json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  if (value.is_number_integer()) {
    const auto number = value.get<std::int64_t>();
    return number < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(number));
  }
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    constexpr double kExact = 9007199254740992.0;  // 2^53: above it a double has no fraction left to tell
    if (number >= 0 && number <= kExact && std::trunc(number) == number) return static_cast<std::uint64_t>(number);
  }
  return std::nullopt;
}

std::vector<std::uint64_t> unsigned_values(const json& value) {
  if (const auto number = unsigned_value(value)) return {*number};
  std::vector<std::uint64_t> numbers;
  if (!value.is_array()) return numbers;
  for (const json& element : value) {
    const auto number = unsigned_value(element);
    if (!number && !element.is_null() && !element.is_boolean()) return {};
    numbers.push_back(number.value_or(0));
  }
  return numbers;
}

const json* member(const json& object, std::string_view path) {
  const json* value = &object;
  while (true) {
    if (!value->is_object()) return nullptr;
    const std::size_t dot = path.find('.');
    const auto found = value->find(path.substr(0, dot));
    if (found == value->end() || found->is_null()) return nullptr;
    value = &*found;
    if (dot == std::string_view::npos) return value;
    path.remove_prefix(dot + 1);
  }
}

ConfigReader::ConfigReader(const json* config) {
  if (config == nullptr || !config->is_object()) return;
  parts_.push_back(config);
  for (const std::string_view path : {"text_config", "llm_config", "language_config", "thinker_config.text_config"}) {
    const json* part = member(*config, path);
    if (part != nullptr && part->is_object()) parts_.push_back(part);
  }
}

const json* ConfigReader::find(std::initializer_list<std::string_view> keys) const {
  for (const std::string_view key : keys) {
    for (const json* part : parts_) {
      if (const json* value = member(*part, key)) return value;
    }
  }
  return nullptr;
}

std::optional<std::uint64_t> ConfigReader::number(std::initializer_list<std::string_view> keys) const {
  for (const std::string_view key : keys) {
    const json* value = find({key});
    if (value == nullptr) continue;
    if (const auto number = unsigned_value(*value)) return number;
  }
  return std::nullopt;
}

std::vector<std::uint64_t> ConfigReader::numbers(std::initializer_list<std::string_view> keys) const {
  for (const std::string_view key : keys) {
    const json* value = find({key});
    if (value == nullptr) continue;
    if (auto numbers = unsigned_values(*value); !numbers.empty()) return numbers;
  }
  return {};
}

std::optional<double> ConfigReader::real(std::initializer_list<std::string_view> keys) const {
  const json* value = find(keys);
  return value != nullptr && value->is_number() ? std::optional(value->get<double>()) : std::nullopt;
}

bool ConfigReader::flag(std::string_view key) const {
  const json* value = find({key});
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::string_view ConfigReader::text(std::initializer_list<std::string_view> keys) const {
  const json* value = find(keys);
  return value != nullptr && value->is_string() ? std::string_view(value->get_ref<const std::string&>())
                                                : std::string_view();
}

}  // namespace weigh::core
