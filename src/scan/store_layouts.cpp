#include "src/scan/store_layouts.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "src/checkpoint/ollama_store.h"
#include "src/source/file_names.h"
#include "src/source/hub_cache.h"

namespace weigh::core {

namespace {

std::string lm_studio_owner(std::string_view path) {
  for (const std::string_view root : {"/.lmstudio/models/", "/.cache/lm-studio/models/"}) {
    const auto at = path.rfind(root);
    if (at == std::string_view::npos) continue;
    const std::string_view rest = path.substr(at + root.size());
    if (rest.find('/') != std::string_view::npos) return std::string(rest);
  }
  return {};
}

// The files with a model's name in a folder and in the folders below it that are not seen yet. Links to folders are not
// followed.
std::vector<std::string> list_model_files(const std::string& folder, FileKeys& seen) {
  std::vector<std::string> files;
  FolderListing listing = list_folder(folder);
  for (const auto* names : {&listing.files, &listing.linked_files}) {
    for (const std::string& name : *names) {
      if (!is_model_name(name)) continue;
      const auto status = listing.status_of(name);
      if (status && seen.insert(status->key()).second) files.push_back(joined(folder, name));
    }
  }
  listing.close();
  for (const std::string& name : listing.folders) {
    std::ranges::move(list_model_files(joined(folder, name), seen), std::back_inserter(files));
  }
  return files;
}

}  // namespace

bool is_repository(const FolderLocation& folder, const FolderListing& listing) {
  return repository_of(base_name(folder.absolute)) &&
         (listing.has_folder(std::string(kHubSnapshots)) || listing.has_folder(std::string(kHubBlobs)));
}

std::vector<std::string> commits_of(const std::string& repository_folder) {
  const std::string snapshots = joined(repository_folder, std::string(kHubSnapshots));
  if (std::string commit = main_commit(repository_folder); !commit.empty() && status_of(joined(snapshots, commit))) {
    return {std::move(commit)};
  }
  if (!status_of(snapshots)) return {};  // a download that has only begun
  return list_folder(snapshots).folders;
}

std::vector<std::string> files_of_other_commits(const std::string& repository_folder,
                                                const std::vector<std::string>& counted) {
  const std::string snapshots = joined(repository_folder, std::string(kHubSnapshots));
  if (!status_of(snapshots)) return {};
  std::vector<std::string> others = list_folder(snapshots).folders;
  std::erase_if(others, [&](const std::string& commit) { return std::ranges::find(counted, commit) != counted.end(); });
  if (others.empty()) return {};
  FileKeys seen;
  for (const std::string& commit : counted) list_model_files(joined(snapshots, commit), seen);
  std::vector<std::string> files;
  for (const std::string& commit : others) {
    std::ranges::move(list_model_files(joined(snapshots, commit), seen), std::back_inserter(files));
  }
  return files;
}

Owner owner_of(std::string_view path) {
  if (const auto hub = hub_path_of(path)) {
    return {Store::HuggingFace, hub->inside.empty() ? hub->repository : hub->repository + '/' + hub->inside};
  }
  if (std::string name = lm_studio_owner(path); !name.empty()) return {Store::LmStudio, std::move(name)};
  return {};
}

FolderLocation locate_folder(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path spelt = fs::absolute(path.empty() ? "." : path, error).lexically_normal();
  if (error) return {path, path};
  FolderLocation location{path, without_end_slashes(spelt.string())};
  if (const fs::path real = fs::canonical(spelt, error); !error && owner_of(location.absolute) == Owner{}) {
    if (owner_of(real.string()) != Owner{}) location.absolute = real.string();
  }
  return location;
}

bool is_ollama_store(const FolderListing& listing) {
  return listing.has_folder(std::string(kOllamaManifests)) && listing.has_folder(std::string(kOllamaBlobs));
}

}  // namespace weigh::core
