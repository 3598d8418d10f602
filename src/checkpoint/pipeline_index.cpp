#include "src/checkpoint/pipeline_index.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "formats/error.h"
#include "src/source/file_names.h"
#include "src/source/parse_json.h"

namespace weigh::core {

namespace {

// Classes of components that are settings and code alone.
constexpr std::array<std::string_view, 5> kWithoutWeights{"Scheduler", "Tokenizer", "TokenizerFast", "Processor",
                                                          "FeatureExtractor"};

// "text_encoder": ["transformers", "CLIPTextModel"]; [null, null] is a component that the pipeline does without.
bool has_weights(const nlohmann::json& entry) {
  if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_string()) return false;
  const std::string_view type = entry[1].get_ref<const std::string&>();
  return std::ranges::none_of(kWithoutWeights, [&](std::string_view end) { return type.ends_with(end); });
}

}  // namespace

std::optional<std::set<std::string>> pipeline_components(const Folder& folder) {
  const std::string name(kPipelineName);
  if (!folder.has(name)) return std::nullopt;
  std::set<std::string> components;
  try {
    const ParsedJson json = read_json(*folder.open(name), kConfigJson);
    if (!json || !json.value->is_object()) return std::nullopt;
    for (const auto& [key, entry] : json.value->items()) {
      if (has_weights(entry)) components.insert(key);
    }
  } catch (const Error&) {
    return std::nullopt;
  }
  return components.empty() ? std::nullopt : std::optional(std::move(components));
}

}  // namespace weigh::core
