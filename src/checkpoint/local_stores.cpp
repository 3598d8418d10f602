#include "src/checkpoint/local_stores.h"

#include <array>
#include <filesystem>
#include <optional>
#include <set>

#include "src/source/environment.h"

namespace weigh::core {

namespace {

namespace fs = std::filesystem;

// In the order in which huggingface_hub asks.
std::optional<std::string> hub_cache_folder() {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (const auto folder = variable(name)) return expanded(*folder);
  }
  if (const auto folder = hugging_face_home()) return *folder + "/hub";
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
