#include "src/audit/audited_folders.h"

#include <algorithm>
#include <filesystem>

#include "src/source/file_names.h"

namespace weigh::core {

namespace {

namespace fs = std::filesystem;

bool is_audited_name(std::string_view name) {
  return is_model_name(name) || is_index_name(name) || is_pickle_name(name) || is_other_framework_name(name);
}

/// What one folder holds, as far as it decides where to look.
struct Listing {
  bool is_read = false;
  bool has_files = false;
  bool is_whole = false;  ///< what is below belongs to it
  std::vector<std::string> below;
};

Listing list(const std::string& folder) {
  Listing listing;
  bool manifests = false;
  bool blobs = false;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code unknown;
    if (fs::is_directory(entry->symlink_status(unknown))) {
      manifests = manifests || name == "manifests";
      blobs = blobs || name == "blobs";
      if (!name.starts_with('.')) listing.below.push_back(entry->path().string());
    } else {
      listing.has_files = listing.has_files || is_audited_name(name);
      listing.is_whole = listing.is_whole || name == "model_index.json";
    }
  }
  listing.is_read = !error;
  listing.is_whole = listing.is_whole || (manifests && blobs);
  std::ranges::sort(listing.below);
  return listing;
}

}  // namespace

std::vector<std::string> audited_folders(const std::string& root) {
  std::vector<std::string> audited;
  std::vector<std::string> waiting{root};
  std::error_code error;
  while (!waiting.empty() && fs::is_directory(root, error)) {
    const std::string folder = std::move(waiting.back());
    waiting.pop_back();
    const Listing listing = list(folder);
    if (!listing.is_read || listing.has_files || listing.is_whole) audited.push_back(folder);
    if (listing.is_whole) continue;
    waiting.insert(waiting.end(), listing.below.rbegin(), listing.below.rend());
  }
  if (audited.empty()) audited.push_back(root);
  return audited;
}

}  // namespace weigh::core
