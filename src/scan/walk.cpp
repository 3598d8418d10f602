#include "src/scan/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "formats/error.h"

namespace weigh {

namespace {

constexpr std::string_view kSnapshotSuffix = ".weigh.zst";
constexpr std::uint64_t kLeastUnnamedBytes = std::uint64_t{64} << 10;
constexpr std::uint64_t kReportEvery = 512;

using FileKey = std::pair<std::uint64_t, std::uint64_t>;  // device and inode

bool is_model_name(std::string_view name) {
  if (name.ends_with(kSnapshotSuffix)) return true;
  if (name.ends_with(".zst")) name.remove_suffix(4);
  return name.ends_with(".gguf") || name.ends_with(".safetensors");
}

// What lies beside a model and changes what is said of it.
bool is_side_name(std::string_view name) { return name.ends_with(".json") || name.ends_with(".jinja"); }

// A name that does not say what the file is.
bool says_nothing(std::string_view name) { return name.find('.') == std::string_view::npos || name.ends_with(".bin"); }

std::optional<struct stat> status_of(const std::string& path, bool of_link = false) {
  struct stat status {};
  const int result = of_link ? lstat(path.c_str(), &status) : stat(path.c_str(), &status);
  return result == 0 ? std::optional(status) : std::nullopt;
}

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

bool begins_with_gguf(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return false;
  std::array<char, 4> head{};
  const bool read_whole = ::pread(file, head.data(), head.size(), 0) == static_cast<ssize_t>(head.size());
  ::close(file);
  const std::string_view magic(head.data(), head.size());
  return read_whole && (magic == "GGUF" || magic == "FUGG");
}

std::string joined(const std::string& folder, const std::string& name) {
  return folder.ends_with('/') ? folder + name : folder + '/' + name;
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// The names in one folder by what they are, each kind sorted.
struct Listing {
  std::vector<std::string> files;
  std::vector<std::string> folders;
  std::vector<std::string> linked_files;
  std::vector<std::string> linked_folders;
  std::vector<std::string> broken;
  std::uint64_t names = 0;

  [[nodiscard]] bool has_folder(const std::string& name) const { return std::ranges::binary_search(folders, name); }
};

// Throws IoError.
Listing list(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
  if (!folder) throw IoError(fmt::format("the folder cannot be listed: {}", std::strerror(errno)));
  Listing listing;
  errno = 0;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string name(entry->d_name);
    if (name == "." || name == "..") continue;
    ++listing.names;
    unsigned char type = entry->d_type;
    bool link = type == DT_LNK;
    if (type == DT_UNKNOWN) {  // some file systems do not say
      const auto own = status_of(joined(path, name), true);
      link = own && S_ISLNK(own->st_mode);
      type = own && S_ISDIR(own->st_mode) ? DT_DIR : own && S_ISREG(own->st_mode) ? DT_REG : DT_UNKNOWN;
    }
    if (link) {
      const auto target = status_of(joined(path, name));
      if (target && S_ISDIR(target->st_mode)) listing.linked_folders.push_back(name);
      if (target && S_ISREG(target->st_mode)) listing.linked_files.push_back(name);
      if (!target && is_model_name(name)) listing.broken.push_back(name);
    } else if (type == DT_DIR) {
      listing.folders.push_back(name);
    } else if (type == DT_REG) {
      listing.files.push_back(name);
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

class Walk {
 public:
  explicit Walk(const Visitor& visitor) : visitor_(visitor) {}

  void run(const std::vector<std::string>& roots) {
    for (const std::string& root : roots) start(root);
    while (!stopped_ && !later_.empty()) {
      // What is reached by links comes last: a place's own name is the better one.
      std::vector<Later> now = std::exchange(later_, {});
      for (Later& one : now) {
        if (stopped_) break;
        if (one.folder) {
          enter(one.path, std::move(one.owner));
        } else {
          deliver(std::move(one.found));
        }
      }
    }
    tell();
  }

 private:
  // What the folders above say about one.
  struct Owner {
    Store store = Store::Folder;
    std::string name;
  };
  struct Later {
    bool folder = false;
    std::string path;
    Owner owner;
    FoundFolder found;
  };

  void start(const std::string& root) {
    const auto status = status_of(root);
    if (!status) return fail(root, missing_text());
    if (S_ISDIR(status->st_mode)) return enter(root, {});
    // A file named by itself: of its folder only what belongs to it.
    const auto slash = root.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : root.substr(0, std::max<std::size_t>(slash, 1));
    try {
      Listing listing = list(folder);
      const std::string name = base_name(root);
      std::erase_if(listing.files, [&](const std::string& file) { return is_model_name(file) && file != name; });
      std::erase_if(listing.linked_files, [&](const std::string& file) { return is_model_name(file) && file != name; });
      listing.broken.clear();
      collect(slash == std::string::npos ? "" : folder, {}, listing);
    } catch (const Error& error) {
      fail(root, error.what());
    }
  }

  static std::string missing_text() {
    return errno == ENOENT ? std::string("does not exist") : std::string(std::strerror(errno));
  }

  void fail(const std::string& path, const std::string& message) { visitor_.failed({path, message, std::nullopt}); }

  void pass(std::uint64_t names) {
    passed_ += names;
    if (passed_ >= kReportEvery) tell();
  }
  void tell() {
    if (!visitor_.passed(std::exchange(passed_, 0))) stopped_ = true;
  }

  void enter(const std::string& path, Owner owner) {
    const auto status = status_of(path);
    if (!status) return fail(path, missing_text());
    const FileKey key{static_cast<std::uint64_t>(status->st_dev), static_cast<std::uint64_t>(status->st_ino)};
    if (stopped_ || !folders_.insert(key).second) return;
    if (kNotEntered.contains(path)) return;
    Listing listing;
    try {
      listing = list(path);
    } catch (const Error& error) {
      return fail(path, error.what());
    }
    pass(listing.names);
    if (listing.has_folder("manifests") && listing.has_folder("blobs")) {
      std::erase_if(listing.folders, [](const std::string& name) { return name == "manifests" || name == "blobs"; });
      walk_manifests(path, "");
    }
    const bool in_cache = repository_of(base_name(path)) && listing.has_folder("snapshots");
    if (in_cache) return enter_repository(path);
    if (owner.store == Store::Folder) {
      if (std::string name = lm_studio_owner(path); !name.empty()) owner = {Store::LmStudio, std::move(name)};
    }
    const bool pipeline = std::ranges::binary_search(listing.files, "model_index.json") ||
                          std::ranges::binary_search(listing.linked_files, "model_index.json");
    std::vector<std::string> parts;
    if (pipeline) parts = listing.folders;
    collect(path, owner, listing, parts);
    for (const std::string& folder : listing.folders) {
      if (folder == ".git" || (pipeline && was_part(path, folder))) continue;
      if (folder.starts_with("datasets--") || folder.starts_with("spaces--")) continue;
      enter(joined(path, folder), below(owner, folder));
    }
    for (const std::string& folder : listing.linked_folders) {
      later_.push_back({true, joined(path, folder), below(owner, folder), {}});
    }
  }

  // A folder that a pipeline took its files from is no model of its own.
  bool was_part(const std::string& path, const std::string& folder) const {
    return parts_.contains(joined(path, folder));
  }

  static Owner below(const Owner& owner, const std::string& folder) {
    if (owner.store != Store::HuggingFace) return {};
    return {owner.store, owner.name + '/' + folder};
  }

  // models--ORG--NAME: the main commit's snapshot, or all of them where none is named.
  void enter_repository(const std::string& path) {
    const Owner owner{Store::HuggingFace, *repository_of(base_name(path))};
    const std::string snapshots = path + "/snapshots";
    const std::string commit = main_commit(path);
    if (!commit.empty() && status_of(snapshots + '/' + commit)) return enter(snapshots + '/' + commit, owner);
    try {
      for (const std::string& folder : list(snapshots).folders) enter(snapshots + '/' + folder, owner);
    } catch (const Error& error) {
      fail(snapshots, error.what());
    }
  }

  void walk_manifests(const std::string& store, const std::string& below_manifests) {
    const std::string path = store + "/manifests" + (below_manifests.empty() ? "" : "/" + below_manifests);
    constexpr std::ptrdiff_t kDeepest = 8;
    if (std::ranges::count(below_manifests, '/') > kDeepest) return;
    try {
      const Listing listing = list(path);
      pass(listing.names);
      const std::string prefix = below_manifests.empty() ? "" : below_manifests + '/';
      for (const std::string& file : listing.files) {
        if (!file.starts_with('.')) add_manifest(store, prefix + file);
      }
      for (const std::string& folder : listing.folders) walk_manifests(store, prefix + folder);
    } catch (const Error& error) {
      fail(path, error.what());
    }
  }

  void add_manifest(const std::string& store, const std::string& manifest) {
    try {
      OllamaModel model = read_ollama_manifest(store, manifest);
      FoundFolder found;
      found.store = Store::Ollama;
      found.owner = model.name;
      found.folder.path = store;
      found.folder.name = model.name;
      for (const auto& [name, blob] : model.files) {
        const auto status = status_of(blob);
        if (!status) {
          fail(blob, fmt::format("a layer of {} is missing", model.name));
          continue;
        }
        found.folder.names.push_back(name);
        found.folder.places[name] = blob;
        found.files.push_back({name, stamp_of(*status), true});
      }
      finish(std::move(found));
    } catch (const Error& error) {
      fail(store + "/manifests/" + manifest, error.what());
    }
  }

  // The folder's files that may be models, and what lies beside them.
  void collect(const std::string& path, const Owner& owner, const Listing& listing,
               const std::vector<std::string>& parts = {}) {
    FoundFolder found;
    found.store = owner.store;
    found.owner = owner.name;
    found.folder.path = path;
    while (found.folder.path.size() > 1 && found.folder.path.ends_with('/')) found.folder.path.pop_back();
    for (const std::string& name : listing.broken)
      fail(found.folder.path_of(name), "a link to a file that is not there");
    bool linked = false;
    bool models = add_files(found, "", listing.files);
    const std::size_t own = found.files.size();
    models = add_files(found, "", listing.linked_files) || models;
    linked = found.files.size() > own;
    for (const std::string& part : parts) {
      try {
        const Listing inside = list(joined(path, part));
        const bool any = add_files(found, part + '/', inside.files);
        if (add_files(found, part + '/', inside.linked_files) || any) {
          parts_.insert(joined(path, part));
          models = true;
        }
      } catch (const Error& error) {
        fail(joined(path, part), error.what());
      }
    }
    if (!models) return;
    found.folder.name = owner.name.empty() ? folder_name(path) : owner.name;
    // Links to files elsewhere wait until those were met by their own names; a cache's blobs have no other.
    if (linked && owner.store != Store::HuggingFace) {
      later_.push_back({false, {}, {}, std::move(found)});
    } else {
      deliver(std::move(found));
    }
  }

  static std::string folder_name(const std::string& path) {
    std::string plain = path;
    while (plain.size() > 1 && plain.ends_with('/')) plain.pop_back();
    const std::string name = base_name(plain);
    if (!name.empty() && name != "." && name != "..") return name;
    std::unique_ptr<char, void (*)(void*)> whole(realpath(plain.empty() ? "." : plain.c_str(), nullptr), std::free);
    return whole ? base_name(whole.get()) : plain;
  }

  // Whether any of them may be a model.
  bool add_files(FoundFolder& found, const std::string& prefix, const std::vector<std::string>& names) {
    bool models = false;
    for (const std::string& file : names) {
      const bool named = is_model_name(file);
      const bool unnamed = !named && prefix.empty() && says_nothing(file);
      if (!named && !unnamed && !is_side_name(file)) continue;
      const std::string name = prefix + file;
      const std::string path = found.folder.path_of(name);
      const auto status = status_of(path);
      if (!status || !S_ISREG(status->st_mode)) {
        if (named) fail(path, "is gone");
        continue;
      }
      std::string called = name;
      if (unnamed) {
        if (static_cast<std::uint64_t>(status->st_size) < kLeastUnnamedBytes || !begins_with_gguf(path)) continue;
        called += ".gguf";
        found.folder.places[called] = path;
      }
      found.folder.names.push_back(called);
      found.files.push_back({called, stamp_of(*status), true});
      models = models || named || unnamed;
    }
    return models;
  }

  void deliver(FoundFolder&& found) {
    std::ranges::sort(found.files, {}, &FoundFile::name);
    std::ranges::sort(found.folder.names);
    found.folder.open = [base = found.folder.path, places = found.folder.places](const std::string& name) {
      const auto place = places.find(name);
      if (place != places.end()) return open_source(place->second);
      return open_source(base.empty() ? name : base + '/' + name);
    };
    for (FoundFile& file : found.files) {
      if (is_model_name(file.name)) file.first = files_.emplace(file.stamp.device, file.stamp.inode).second;
    }
    if (!stopped_) visitor_.found(std::move(found));
  }
  void finish(FoundFolder&& found) {
    if (!found.files.empty()) deliver(std::move(found));
  }

  inline static const std::set<std::string> kNotEntered{"/proc", "/sys", "/dev", "/run"};

  const Visitor& visitor_;
  std::set<FileKey> folders_;
  std::set<FileKey> files_;  // of models only
  std::set<std::string> parts_;
  std::vector<Later> later_;
  std::uint64_t passed_ = 0;
  bool stopped_ = false;
};

}  // namespace

void walk(const std::vector<std::string>& roots, const Visitor& visitor) { Walk(visitor).run(roots); }

}  // namespace weigh
