#include "src/source/environment.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "formats/text.h"

namespace weigh::core {

std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

bool is_switched_on(const char* name) {
  constexpr std::array<std::string_view, 4> kYes{"1", "on", "yes", "true"};
  const auto value = variable(name);
  return value && std::ranges::find(kYes, lower(*value)) != kYes.end();
}

std::string expanded(const std::string& path) {
  const auto home = variable("HOME");
  return home && (path == "~" || path.starts_with("~/")) ? *home + path.substr(1) : path;
}

std::optional<std::string> cache_home() {
  if (const auto folder = variable("XDG_CACHE_HOME")) return expanded(*folder);
  if (const auto home = variable("HOME")) return *home + "/.cache";
  return std::nullopt;
}

std::optional<std::string> hugging_face_home() {
  if (const auto folder = variable("HF_HOME")) return expanded(*folder);
  if (const auto folder = cache_home()) return *folder + "/huggingface";
  return std::nullopt;
}

}  // namespace weigh::core
