#include "src/checkpoint/distinct_paths.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "formats/error.h"
#include "src/checkpoint/model_names.h"
#include "src/checkpoint/resolve_remote.h"
#include "src/checkpoint/selection.h"
#include "src/checkpoint/standard_input.h"
#include "src/source/file_names.h"

namespace weigh::core {

namespace {

namespace fs = std::filesystem;

using Key = std::pair<std::uint64_t, std::uint64_t>;  // device and inode

struct Entry {
  Key key;
  bool is_folder = false;
};

std::optional<Entry> look_at(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  return Entry{{status.st_dev, status.st_ino}, S_ISDIR(status.st_mode)};
}

bool may_be_of_a_set(const std::string& name) {
  return is_safetensors_name(name) || is_safetensors_index_name(name) || parse_part_name(name);
}

class Distinct {
 public:
  // Whether the path names something that no earlier one did.
  bool is_new(const std::string& path) {
    if (path == kStandardInput || is_remote(path)) return names_.insert(path).second;
    const auto entry = look_at(path);
    if (!entry) return true;
    if (entry->is_folder) return models_.insert({entry->key}).second;
    const fs::path file(path);
    const std::string parent = file.has_parent_path() ? file.parent_path().string() : ".";
    const auto folder = look_at(parent);
    if (!folder) return true;
    const std::string name = file.filename().string();
    if (parts_.contains({folder->key, name})) return false;
    if (!may_be_of_a_set(name)) return models_.insert({entry->key}).second;
    return is_new_set(parent, folder->key, name);
  }

 private:
  bool is_new_set(const std::string& parent, const Key& folder_key, const std::string& name) {
    try {
      const Folder& folder = listed(parent);
      const Selection selection = select_for_file(folder, name);
      std::vector<Key> model;
      for (const std::string& file : selection.files) {
        parts_.emplace(folder_key, file);
        if (const auto part = look_at(folder.path_of(file))) model.push_back(part->key);
      }
      if (!selection.index_name.empty()) parts_.emplace(folder_key, selection.index_name);
      // The same weights beside another config.json are another model.
      if (!is_gguf_name(name)) model.push_back(folder_key);
      return models_.insert(model).second;
    } catch (const Error&) {
      return true;
    }
  }

  // Paths of one folder come one after the other.
  const Folder& listed(const std::string& parent) {
    if (!folder_ || folder_->path != parent) {
      folder_ = local_folder(parent);
      folder_->path = parent;
      open_from_disk(*folder_);
    }
    return *folder_;
  }

  std::set<std::string> names_;
  std::set<std::vector<Key>> models_;            // by all of their files
  std::set<std::pair<Key, std::string>> parts_;  // files of sets, by their folders
  std::optional<Folder> folder_;
};

}  // namespace

std::vector<std::string> distinct_paths(const std::vector<std::string>& paths) {
  if (paths.size() < 2) return paths;
  Distinct distinct;
  std::vector<std::string> kept;
  for (const std::string& path : paths) {
    std::string place = path;
    try {
      place = locate_model(path);
    } catch (const Error&) {
      // No model of that name: told when it is opened.
    }
    if (distinct.is_new(place)) kept.push_back(path);
  }
  return kept;
}

}  // namespace weigh::core
