#pragma once

#include <dirent.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace weigh::core {

/// What tells whether a file is still the one that was read. Of a symlink, those of its target.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t bytes = 0;
  std::int64_t modified_ns = 0;

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

/// Device and inode: the same for every name of a file or folder.
using FileKey = std::pair<std::uint64_t, std::uint64_t>;
struct FileKeyHash {
  std::size_t operator()(const FileKey& key) const { return key.second ^ (key.first << 48U); }
};
using FileKeys = std::unordered_set<FileKey, FileKeyHash>;

struct FileStatus {
  FileStamp stamp;
  std::uint64_t hard_links = 1;  ///< names that it has, this one included
  bool is_folder = false;
  bool is_file = false;  ///< a regular one

  [[nodiscard]] FileKey key() const { return {stamp.device, stamp.inode}; }
};

/// Of what the path leads to through symlinks; nothing when that cannot be told.
std::optional<FileStatus> status_of(const std::string& path);

/// Why status_of() had nothing to say of the path: to be called right after it.
std::string explain_no_status(const std::string& path);

/// Whether status_of() had nothing to say because nothing is there; else it may well be there, for others or later. To be
/// called right after it.
bool is_absent();

std::string without_end_slashes(std::string path);

/// `name` in `folder`, with one '/' between them.
std::string joined(const std::string& folder, const std::string& name);

/// A folder by the path that is shown and by its absolute path, which tells whose it is.
struct FolderLocation {
  std::string path;
  std::string absolute;

  [[nodiscard]] FolderLocation child(const std::string& name) const {
    return {joined(path, name), joined(absolute, name)};
  }
};

/// The names in one folder by what they are, each kind sorted. Links are told by their targets.
struct FolderListing {
  std::vector<std::string> files;
  std::vector<std::string> folders;
  std::vector<std::string> linked_files;
  std::vector<std::string> linked_folders;
  std::vector<std::string> broken;  ///< links with a model's name and no target
  /// Names of models of which nothing can be told, and why.
  std::vector<std::pair<std::string, std::string>> unreadable;
  std::uint64_t names = 0;  ///< how many there are, of whatever kind

  /// As status_of() of the whole path, while the folder is open: the system looks for one name, not for all of a path.
  [[nodiscard]] std::optional<FileStatus> status_of(const std::string& name) const;

  /// To be called before the folders in it are walked: one for each level would stay open.
  void close() { handle.reset(); }

  [[nodiscard]] bool has_file(const std::string& name) const {
    return std::ranges::binary_search(files, name) || std::ranges::binary_search(linked_files, name);
  }
  [[nodiscard]] bool has_folder(const std::string& name) const {
    return std::ranges::binary_search(folders, name) || std::ranges::binary_search(linked_folders, name);
  }

  void erase_files(const auto& unwanted) {
    std::erase_if(files, unwanted);
    std::erase_if(linked_files, unwanted);
  }
  void erase_folders(const auto& unwanted) {
    std::erase_if(folders, unwanted);
    std::erase_if(linked_folders, unwanted);
  }

  std::string path;
  std::unique_ptr<DIR, int (*)(DIR*)> handle{nullptr, closedir};
};

/// The folder stays open. Throws IoError.
FolderListing list_folder(const std::string& path);

}  // namespace weigh::core
