#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/checkpoint/local_stores.h"
#include "src/scan/list_folder.h"

namespace weigh::core {

/// Whether it is a repository's folder in a Hugging Face cache.
bool is_repository(const FolderLocation& folder, const FolderListing& listing);

/// The commits of a repository that count: the main one, or all where none is named; their folders are
/// snapshots/COMMIT. Throws IoError.
std::vector<std::string> commits_of(const std::string& repository_folder);

/// The model files of all other commits of the repository, as paths: those whose blobs are in no commit of `counted`.
/// Throws IoError.
std::vector<std::string> files_of_other_commits(const std::string& repository_folder,
                                                const std::vector<std::string>& counted);

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

}  // namespace weigh::core
