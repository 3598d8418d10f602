#include "src/source/parse_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "formats/byte_source.h"

namespace weigh::core {

const JsonLimits& json_limits_of(std::string_view file_name) {
  return file_name.ends_with("tokenizer_config.json") ? kTokenizerJson : kConfigJson;
}

std::string json_excess(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes) return fmt::format("{} bytes, more than {}", text.size(), limits.bytes);
  std::size_t depth = 0;
  std::size_t values = 0;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      in_string = c != '"';
      continue;
    }
    switch (c) {
      case '"': in_string = true; break;
      case '[':
      case '{':
        if (++depth > kMaxJsonDepth) return fmt::format("nesting deeper than {} levels", kMaxJsonDepth);
        ++values;
        break;
      case ']':
      case '}': depth -= depth == 0 ? 0 : 1; break;
      case ',': ++values; break;
      default: break;
    }
  }
  return values > limits.values ? fmt::format("more than {} values", limits.values) : std::string();
}

ParsedJson parse_json(std::string_view text, const JsonLimits& limits) {
  if (std::string excess = json_excess(text, limits); !excess.empty()) return {nullptr, std::move(excess)};
  try {
    return {std::make_shared<nlohmann::json>(nlohmann::json::parse(text)), {}};
  } catch (const nlohmann::json::parse_error& error) {
    return {nullptr, fmt::format("no valid JSON at byte {}", error.byte)};
  } catch (const nlohmann::json::out_of_range&) {  // "1e999"
    return {nullptr, "a number that is too large"};
  }
}

ParsedJson read_json(ByteSource& source, const JsonLimits& limits) {
  if (source.size() > limits.bytes)
    return {nullptr, fmt::format("{} bytes, more than {}", source.size(), limits.bytes)};
  const std::vector<std::byte> bytes = read_all(source, limits.bytes);
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, limits);
}

std::string text_in(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace weigh::core
