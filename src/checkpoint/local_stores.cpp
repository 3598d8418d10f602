#include "src/checkpoint/local_stores.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>

namespace weigh::core {

namespace {

namespace fs = std::filesystem;

// Nothing for a variable that is not set, or empty.
std::optional<std::string> variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

// "~/models" is not the shell's alone: huggingface_hub expands it too.
std::string expanded(const std::string& path) {
  const auto home = variable("HOME");
  return home && (path == "~" || path.starts_with("~/")) ? *home + path.substr(1) : path;
}

// In the order in which huggingface_hub asks.
std::optional<std::string> hub_cache_folder() {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (const auto folder = variable(name)) return expanded(*folder);
  }
  if (const auto folder = variable("HF_HOME")) return expanded(*folder) + "/hub";
  if (const auto folder = variable("XDG_CACHE_HOME")) return expanded(*folder) + "/huggingface/hub";
  if (const auto home = variable("HOME")) return *home + "/.cache/huggingface/hub";
  return std::nullopt;
}

}  // namespace

std::string_view store_name(Store store) {
  constexpr std::array<std::string_view, 4> kNames{"", "huggingface", "ollama", "lmstudio"};
  return kNames[static_cast<std::size_t>(store)];
}

std::string_view store_title(Store store) {
  constexpr std::array<std::string_view, 4> kTitles{"", "the Hugging Face cache", "Ollama", "LM Studio"};
  return kTitles[static_cast<std::size_t>(store)];
}

std::vector<LocalStore> usual_stores() {
  std::vector<LocalStore> stores;
  if (auto hub = hub_cache_folder()) stores.push_back({Store::HuggingFace, std::move(*hub)});
  const auto home = variable("HOME");
  if (const auto folder = variable("OLLAMA_MODELS")) {
    stores.push_back({Store::Ollama, expanded(*folder)});
  } else {
    if (home) stores.push_back({Store::Ollama, *home + "/.ollama/models"});
    stores.push_back({Store::Ollama, "/usr/share/ollama/.ollama/models"});  // the service that its installer sets up
  }
  if (home) {
    stores.push_back({Store::LmStudio, *home + "/.lmstudio/models"});
    stores.push_back({Store::LmStudio, *home + "/.cache/lm-studio/models"});
  }
  return stores;
}

std::vector<LocalStore> local_stores() {
  std::vector<LocalStore> there;
  std::set<fs::path> seen;
  for (LocalStore& store : usual_stores()) {
    std::error_code error;
    if (!fs::is_directory(store.folder, error)) continue;
    const fs::path real = fs::canonical(store.folder, error);
    if (!error && seen.insert(real).second) there.push_back(std::move(store));
  }
  return there;
}

}  // namespace weigh::core
