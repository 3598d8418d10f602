#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

/// Whose store a folder belongs to.
enum class Store : std::uint8_t { Folder, HuggingFace, Ollama, LmStudio };

/// "", "huggingface", "ollama", "lmstudio".
std::string_view store_name(Store store);

/// What people call it: "the Hugging Face cache", "Ollama", "LM Studio"; empty for a plain folder.
std::string_view store_title(Store store);

/// A folder where a program keeps models.
struct LocalStore {
  Store store = Store::Folder;
  std::string folder;

  friend bool operator==(const LocalStore&, const LocalStore&) = default;
};

/// Where the stores of a user are, whether or not they are there: as the environment says (HF_HUB_CACHE, HF_HOME,
/// OLLAMA_MODELS), else where the programs put them (docs/formats.md 5).
std::vector<LocalStore> usual_stores();

/// Those that are there, each folder once.
std::vector<LocalStore> local_stores();

}  // namespace weigh::core
