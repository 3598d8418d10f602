#include "src/scan/list_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "formats/error.h"
#include "src/scan/file_kinds.h"

namespace weigh::core {

namespace {

FileStamp stamp_of(const struct stat& status) {
#ifdef __APPLE__
  const auto& modified = status.st_mtimespec;
#else
  const auto& modified = status.st_mtim;
#endif
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  return {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino),
          static_cast<std::uint64_t>(status.st_size),
          static_cast<std::int64_t>(modified.tv_sec) * kNanoseconds + modified.tv_nsec};
}

// For a name with a model's name of which nothing can be told. errno says why.
void add_unreadable(const std::string& name, FolderListing& listing) {
  if (is_model_name(name)) listing.unreadable.emplace_back(name, std::strerror(errno));
}

/// DT_DIR, DT_REG or DT_LNK of the name itself, DT_UNKNOWN for anything else. Some file systems do not tell it while
/// they list.
unsigned char type_of(const dirent& entry, FolderListing& listing) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type;
  struct stat status {};
  if (fstatat(dirfd(listing.handle.get()), entry.d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (!is_absent()) add_unreadable(std::string(entry.d_name), listing);
    return DT_UNKNOWN;
  }
  if (S_ISLNK(status.st_mode)) return DT_LNK;
  if (S_ISDIR(status.st_mode)) return DT_DIR;
  return S_ISREG(status.st_mode) ? DT_REG : DT_UNKNOWN;
}

void add_link(const std::string& name, FolderListing& listing) {
  const auto target = listing.status_of(name);
  if (target && target->is_folder) listing.linked_folders.push_back(name);
  if (target && target->is_file) listing.linked_files.push_back(name);
  if (target) return;
  if (!is_absent()) {
    add_unreadable(name, listing);
  } else if (is_model_name(name)) {
    listing.broken.push_back(name);
  }
}

FileStatus taken_from(const struct stat& status) {
  return {.stamp = stamp_of(status),
          .hard_links = static_cast<std::uint64_t>(status.st_nlink),
          .is_folder = S_ISDIR(status.st_mode),
          .is_file = S_ISREG(status.st_mode)};
}

}  // namespace

std::optional<FileStatus> status_of(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 ? std::optional(taken_from(status)) : std::nullopt;
}

std::optional<FileStatus> FolderListing::status_of(const std::string& name) const {
  struct stat status {};
  if (path.size() + 1 + name.size() >= PATH_MAX) {  // it could not be opened
    errno = ENAMETOOLONG;
    return std::nullopt;
  }
  if (fstatat(dirfd(handle.get()), name.c_str(), &status, 0) != 0) return std::nullopt;
  return taken_from(status);
}

std::string explain_no_status(const std::string& path) {
  if (errno != ENOENT) return std::strerror(errno);
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 ? "a link to a file that is not there" : "does not exist";
}

bool is_absent() { return errno == ENOENT || errno == ENOTDIR || errno == ELOOP; }

std::string without_end_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

std::string joined(const std::string& folder, const std::string& name) {
  return folder.ends_with('/') ? folder + name : folder + '/' + name;
}

FolderListing list_folder(const std::string& path) {
  FolderListing listing;
  listing.path = path;
  listing.handle.reset(opendir(path.c_str()));
  if (!listing.handle) throw IoError(fmt::format("the folder cannot be listed: {}", std::strerror(errno)));
  errno = 0;
  while (const dirent* entry = readdir(listing.handle.get())) {
    std::string name(entry->d_name);
    if (name == "." || name == ".." || is_system_name(name)) continue;
    ++listing.names;
    switch (type_of(*entry, listing)) {
      case DT_LNK: add_link(name, listing); break;
      case DT_DIR: listing.folders.push_back(std::move(name)); break;
      case DT_REG: listing.files.push_back(std::move(name)); break;
      default: break;
    }
    errno = 0;
  }
  if (errno != 0) throw IoError(fmt::format("the folder cannot be listed to its end: {}", std::strerror(errno)));
  for (auto* names :
       {&listing.files, &listing.folders, &listing.linked_files, &listing.linked_folders, &listing.broken}) {
    std::ranges::sort(*names);
  }
  return listing;
}

}  // namespace weigh::core
