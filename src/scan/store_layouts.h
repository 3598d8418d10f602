#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/scan/list_folder.h"

namespace weigh::core {

/// Whose store a folder belongs to.
enum class Store : std::uint8_t { Folder, HuggingFace, Ollama, LmStudio };

/// "", "huggingface", "ollama", "lmstudio".
std::string_view store_name(Store store);

/// Whether it is a repository's folder in a Hugging Face cache.
bool is_repository(const FolderLocation& folder, const FolderListing& listing);

/// The commits of a repository that count: the main one, or all where none is named; their folders are
/// snapshots/COMMIT. Throws IoError.
std::vector<std::string> commits_of(const std::string& repository_folder);

/// Whose a folder is, and what its owner calls the model in it.
struct Owner {
  Store store = Store::Folder;
  std::string name;  ///< "ORG/NAME", then the folders below it; empty outside of a store

  friend bool operator==(const Owner&, const Owner&) = default;
};

/// Of an absolute path: inside models--ORG--NAME/snapshots/COMMIT or PUBLISHER/REPO of LM Studio's folder of models.
Owner owner_of(std::string_view path);

/// A folder that a user named. A link into a store belongs to the store.
FolderLocation locate_folder(const std::string& path);

/// Whether the folder holds an Ollama store, in its folders "manifests" and "blobs".
bool is_ollama_store(const FolderListing& listing);

/// A model of an Ollama store: what `ollama list` calls it, and its files under names that say what they are, with the
/// paths of their blobs.
struct OllamaModel {
  std::string name;                                        ///< "llama3.2:1b"
  std::vector<std::pair<std::string, std::string>> files;  ///< name and path; each name once
};

/// Reads manifests/HOST/NAMESPACE/MODEL/TAG of the store. Throws Error when it is damaged.
OllamaModel read_ollama_manifest(const std::string& store, const std::string& manifest);

}  // namespace weigh::core
