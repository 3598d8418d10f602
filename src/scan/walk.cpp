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
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "formats/error.h"
#include "src/checkpoint/selection.h"

namespace weigh::core {

namespace {

constexpr std::string_view kSnapshotSuffix = ".weigh.zst";
constexpr std::uint64_t kLeastUnnamedBytes = std::uint64_t{64} << 10;
constexpr std::uint64_t kReportEvery = 512;

namespace fs = std::filesystem;

using FileKey = std::pair<std::uint64_t, std::uint64_t>;  // device and inode

bool is_model_name(std::string_view name) {
  if (name.ends_with(kSnapshotSuffix)) return true;
  if (name.ends_with(".zst")) name.remove_suffix(4);
  return name.ends_with(".gguf") || name.ends_with(".safetensors");
}

// What lies beside a model and changes what is said of it.
bool is_side_name(std::string_view name) { return name.ends_with(".json") || name.ends_with(".jinja"); }

bool is_index_name(std::string_view name) {
  return name.ends_with(".json") && name.find(".index.") != std::string_view::npos;
}

// A name that does not say what the file is.
bool says_nothing(std::string_view name) { return name.find('.') == std::string_view::npos || name.ends_with(".bin"); }

// Folders without models of their own.
bool is_passed_by(std::string_view folder) {
  return folder == ".git" || folder.starts_with("datasets--") || folder.starts_with("spaces--");
}

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
  return read_whole && magic == "GGUF";
}

std::string joined(const std::string& folder, const std::string& name) {
  return folder.ends_with('/') ? folder + name : folder + '/' + name;
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string without_end_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

FileKey key_of(const struct stat& status) {
  return {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino)};
}

// A folder as it is shown, and by its absolute path, which tells whose it is.
struct Place {
  std::string path;
  std::string whole;

  [[nodiscard]] Place in(const std::string& name) const { return {joined(path, name), joined(whole, name)}; }
};

Place place_of(const std::string& path) {
  std::error_code error;
  const fs::path spelt = fs::absolute(path.empty() ? "." : path, error).lexically_normal();
  if (error) return {path, path};
  Place place{path, without_end_slashes(spelt.string())};
  // A root may be a link into a store.
  if (const fs::path real = fs::canonical(spelt, error); !error && owner_of(place.whole) == Owner{}) {
    if (owner_of(real.string()) != Owner{}) place.whole = real.string();
  }
  return place;
}

// The names in one folder by what they are, each kind sorted.
struct Listing {
  std::vector<std::string> files;
  std::vector<std::string> folders;
  std::vector<std::string> linked_files;
  std::vector<std::string> linked_folders;
  std::vector<std::string> broken;
  std::uint64_t names = 0;

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
    for (const auto& [folder, names] : named_) walk_named(folder, names);
    // What is reached by links comes last: a place's own name is the better one.
    while (!stopped_ && !linked_folders_.empty()) {
      std::vector<Linked> now = std::exchange(linked_folders_, {});
      std::ranges::sort(now, {}, [](const Linked& linked) -> const std::string& { return linked.place.path; });
      for (const Linked& linked : now) enter(linked.place, linked.is_part);
    }
    std::ranges::stable_sort(with_links_, {},
                             [](const Gathered& gathered) -> const std::string& { return gathered.found.folder.path; });
    for (Gathered& gathered : with_links_) deliver(std::move(gathered));
    tell();
  }

 private:
  struct Linked {
    Place place;
    bool is_part = false;
  };
  // A folder's files on their way to the visitor.
  struct Gathered {
    FoundFolder found;
    // Which of its files are decided later: those that have other names in their turn among the folders below, links
    // when all real files are.
    std::vector<std::size_t> shared;
    std::vector<std::size_t> links;
    std::set<std::string> parts;  // folders in it whose weights are a pipeline's and no models of their own
    bool any_name = false;        // the user named the file: what it is called does not matter
    bool has_models = false;
  };

  void start(const std::string& root) {
    const auto status = status_of(root);
    if (!status) return fail(root, missing_text(root));
    if (S_ISDIR(status->st_mode)) return enter(place_of(without_end_slashes(root)));
    const auto slash = root.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : root.substr(0, std::max<std::size_t>(slash, 1));
    named_[folder].push_back(base_name(root));
  }

  static std::string missing_text(const std::string& path) {
    if (errno != ENOENT) return std::strerror(errno);
    return status_of(path, true) ? "a link to a file that is not there" : "does not exist";
  }

  void fail(const std::string& path, const std::string& message) {
    if (!stopped_) visitor_.failed({path, message, std::nullopt});
  }

  void pass(std::uint64_t names) {
    passed_ += names;
    steps_ += names;
    if (steps_ >= kReportEvery) tell();
  }
  // A name that was counted is looked at: that takes time too.
  void look() {
    if (++steps_ >= kReportEvery) tell();
  }
  void tell() {
    steps_ = 0;
    if (!visitor_.passed(std::exchange(passed_, 0))) stopped_ = true;
  }

  void enter(const Place& place, bool is_part = false) {
    if (stopped_) return;
    const std::string& path = place.path;
    const auto status = status_of(path);
    if (!status) return fail(path, missing_text(path));
    if (!folders_.insert(key_of(*status)).second) return;
    Listing listing;
    try {
      listing = list(path);
    } catch (const Error& error) {
      return fail(path, error.what());
    }
    pass(listing.names);
    if (repository_of(base_name(place.whole)) && (listing.has_folder("snapshots") || listing.has_folder("blobs"))) {
      return enter_repository(place);
    }
    if (listing.has_folder("manifests") && listing.has_folder("blobs")) {
      listing.erase_folders([](const std::string& name) { return name == "manifests" || name == "blobs"; });
      walk_manifests(path, "", 0);
    }
    const bool top = place.whole == "/";
    listing.erase_folders([&](const std::string& name) { return is_passed_by(name) || (top && is_system(name)); });
    // The pipeline has these of its parts.
    if (is_part) listing.erase_files(is_safetensors);
    Gathered gathered = collect(place, listing);
    listing.files = {};
    const std::set<std::string> parts = gathered.parts;
    const bool waits = !gathered.shared.empty();
    if (!waits) finish(std::move(gathered));
    for (const std::string& folder : listing.folders) {
      if (waits) decide_before(gathered, folder);
      enter(place.in(folder), parts.contains(folder));
    }
    if (waits) finish(std::move(gathered));
    for (const std::string& folder : listing.linked_folders) {
      linked_folders_.push_back({place.in(folder), parts.contains(folder)});
    }
  }

  static bool is_system(const std::string& name) {
    return name == "proc" || name == "sys" || name == "dev" || name == "run";
  }
  static bool is_safetensors(std::string_view name) {
    return name.ends_with(".safetensors") || name.ends_with(".safetensors.zst");
  }

  // models--ORG--NAME: the main commit's snapshot, or all of them where none is named.
  void enter_repository(const Place& place) {
    const Place snapshots = place.in("snapshots");
    const std::string commit = main_commit(place.path);
    if (!commit.empty() && status_of(snapshots.in(commit).path)) return enter(snapshots.in(commit));
    if (!status_of(snapshots.path)) return;  // a download that has only begun
    try {
      for (const std::string& folder : list(snapshots.path).folders) enter(snapshots.in(folder));
    } catch (const Error& error) {
      fail(snapshots.path, error.what());
    }
  }

  // manifests/HOST/NAMESPACE/MODEL/TAG; what lies less deep is none.
  void walk_manifests(const std::string& store, const std::string& prefix, int depth) {
    constexpr int kDepth = 3;
    const std::string path = without_end_slashes(joined(store, "manifests/" + prefix));
    try {
      const Listing listing = list(path);
      pass(listing.names);
      if (depth < kDepth) {
        for (const std::string& folder : listing.folders) walk_manifests(store, prefix + folder + '/', depth + 1);
        return;
      }
      for (const std::string& file : listing.files) {
        if (!file.starts_with('.')) add_manifest(store, prefix + file);
      }
    } catch (const Error& error) {
      fail(path, error.what());
    }
  }

  void add_manifest(const std::string& store, const std::string& manifest) {
    if (stopped_) return;
    try {
      const OllamaModel model = read_ollama_manifest(store, manifest);
      Gathered gathered;
      gathered.found.store = Store::Ollama;
      gathered.found.owner = model.name;
      gathered.found.folder.path = store;
      gathered.found.folder.name = model.name;
      for (const auto& [name, blob] : model.files) {
        const auto status = status_of(blob);
        if (status && S_ISREG(status->st_mode)) {
          gathered.found.folder.places[name] = blob;
          add_file(gathered, name, *status, false);
        } else {
          fail(blob, fmt::format("a layer of {} is missing", model.name));
        }
      }
      finish(std::move(gathered));
    } catch (const Error& error) {
      fail(joined(store, "manifests/" + manifest), error.what());
    }
  }

  // Files named as roots: of their folder only what belongs to them.
  void walk_named(const std::string& path, const std::vector<std::string>& names) {
    if (stopped_) return;
    const std::string shown = path.empty() ? "." : path;
    const auto status = status_of(shown);
    if (status && folders_.contains(key_of(*status))) return;  // they were met with all that lies there
    Listing listing;
    try {
      listing = list(shown);
    } catch (const Error& error) {
      return fail(shown, error.what());
    }
    Folder folder;
    folder.path = path;
    std::ranges::merge(listing.files, listing.linked_files, std::back_inserter(folder.names));
    open_from_disk(folder);
    std::set<std::string> wanted;
    bool indexed = false;
    for (const std::string& name : names) {
      if (wanted.contains(name)) continue;
      const std::string file = folder.path_of(name);
      if (!folder.has(name)) {
        fail(file, "is neither a folder nor a file");
      } else if (is_model_name(name) || is_index_name(name)) {
        try {
          const Selection selection = select_for_file(folder, name);
          wanted.insert(selection.files.begin(), selection.files.end());
          indexed = indexed || selection.index;
        } catch (const Error& error) {
          fail(file, error.what());
        }
      } else if (begins_with_gguf(file)) {
        wanted.insert(name);
      } else {
        fail(file, "is no GGUF or safetensors file");
      }
    }
    listing.erase_files([&](const std::string& name) {
      if (is_index_name(name)) return !indexed;
      return !wanted.contains(name) && !is_side_name(name);
    });
    listing.broken.clear();
    listing.folders.clear();
    listing.linked_folders.clear();
    finish(collect(place_of(path), listing, true));
  }

  // The folder's files that may be models, and what lies beside them.
  Gathered collect(const Place& place, const Listing& listing, bool any_name = false) {
    Owner owner = owner_of(place.whole);
    Gathered gathered;
    gathered.any_name = any_name;
    gathered.found.store = owner.store;
    gathered.found.folder.path = place.path;
    for (const std::string& name : listing.broken) {
      fail(gathered.found.folder.path_of(name), "a link to a file that is not there");
    }
    // A cache's files are links to blobs that have no other name.
    const bool by_links = owner.store != Store::HuggingFace;
    add_models(gathered, "", listing.files, listing, false);
    add_models(gathered, "", listing.linked_files, listing, by_links);
    if (listing.has_file("model_index.json")) {
      for (const std::string& part : listing.folders) add_part(gathered, place, part, false);
      for (const std::string& part : listing.linked_folders) add_part(gathered, place, part, true);
    }
    if (gathered.has_models) add_side_files(gathered, "", listing);
    gathered.found.folder.name = owner.name.empty() ? folder_name(place) : owner.name;
    gathered.found.owner = std::move(owner.name);
    std::ranges::sort(gathered.shared, {}, [&](std::size_t i) -> const std::string& { return name_of(gathered, i); });
    return gathered;
  }

  static const std::string& name_of(const Gathered& gathered, std::size_t i) { return gathered.found.files[i].name; }

  // Whose turn comes before a folder that lies beside them.
  void decide_before(Gathered& gathered, const std::string& folder) {
    const auto end =
        std::ranges::find_if(gathered.shared, [&](std::size_t i) { return name_of(gathered, i) > folder; });
    for (auto i = gathered.shared.begin(); i != end; ++i) decide(gathered.found.files[*i]);
    gathered.shared.erase(gathered.shared.begin(), end);
  }

  void finish(Gathered&& gathered) {
    for (const std::size_t i : std::exchange(gathered.shared, {})) decide(gathered.found.files[i]);
    if (!gathered.has_models) return;
    if (gathered.links.empty()) {
      deliver(std::move(gathered));
    } else {
      with_links_.push_back(std::move(gathered));
    }
  }

  static std::string folder_name(const Place& place) {
    const std::string name = base_name(place.whole);
    return name.empty() ? place.whole : name;
  }

  // A folder in a pipeline's, one level deep; a hidden one is none.
  void add_part(Gathered& gathered, const Place& pipeline, const std::string& part, bool by_link) {
    if (part.starts_with('.')) return;
    try {
      Listing inside = list(pipeline.in(part).path);
      const bool weights =
          std::ranges::any_of(inside.files, is_safetensors) || std::ranges::any_of(inside.linked_files, is_safetensors);
      inside.erase_files([](const std::string& name) { return is_model_name(name) && !is_safetensors(name); });
      const bool by_links = by_link || gathered.found.store != Store::HuggingFace;
      add_models(gathered, part + '/', inside.files, inside, by_link);
      add_models(gathered, part + '/', inside.linked_files, inside, by_links);
      add_side_files(gathered, part + '/', inside);
      if (weights) gathered.parts.insert(part);
    } catch (const Error&) {
      // It is told when the walk comes to it.
    }
  }

  // Of `files`, which are some of a folder's, those that may be models.
  void add_models(Gathered& gathered, const std::string& prefix, const std::vector<std::string>& files,
                  const Listing& listing, bool by_links) {
    for (const std::string& file : files) {
      if (stopped_) return;
      const bool named = is_model_name(file);
      const bool unnamed = !named && prefix.empty() && !is_side_name(file) && (gathered.any_name || says_nothing(file));
      if (!named && !unnamed) continue;
      look();
      const std::string name = prefix + file;
      const std::string path = gathered.found.folder.path_of(name);
      const auto status = status_of(path);
      if (!status || !S_ISREG(status->st_mode)) {
        if (named) fail(path, "is gone");
        continue;
      }
      if (named) {
        add_file(gathered, name, *status, by_links);
        continue;
      }
      const bool small = static_cast<std::uint64_t>(status->st_size) < kLeastUnnamedBytes;
      if ((small && !gathered.any_name) || !begins_with_gguf(path)) continue;
      std::string called = name + ".gguf";
      while (listing.has_file(called) || gathered.found.folder.places.contains(called)) called += ".gguf";
      gathered.found.folder.places[called] = path;
      add_file(gathered, called, *status, by_links);
    }
  }

  void add_side_files(Gathered& gathered, const std::string& prefix, const Listing& listing) {
    for (const auto* files : {&listing.files, &listing.linked_files}) {
      for (const std::string& file : *files) {
        if (stopped_) return;
        if (!is_side_name(file)) continue;
        look();
        const auto status = status_of(gathered.found.folder.path_of(prefix + file));
        if (status && S_ISREG(status->st_mode)) add_file(gathered, prefix + file, *status, false);
      }
    }
  }

  void add_file(Gathered& gathered, const std::string& name, const struct stat& status, bool by_link) {
    FoundFile file{name, stamp_of(status), true};
    if (is_model_name(name)) {
      gathered.has_models = true;
      if (by_link) {
        gathered.links.push_back(gathered.found.files.size());
      } else if (status.st_nlink > 1) {
        gathered.shared.push_back(gathered.found.files.size());
      } else {
        decide(file);
      }
    }
    gathered.found.folder.names.push_back(name);
    gathered.found.files.push_back(std::move(file));
  }

  void decide(FoundFile& file) { file.first = files_.emplace(file.stamp.device, file.stamp.inode).second; }

  void deliver(Gathered&& gathered) {
    FoundFolder& found = gathered.found;
    for (const std::size_t i : gathered.links) decide(found.files[i]);
    std::ranges::sort(found.files, {}, &FoundFile::name);
    std::ranges::sort(found.folder.names);
    open_from_disk(found.folder);
    if (!stopped_) visitor_.found(std::move(found));
  }

  const Visitor& visitor_;
  std::set<FileKey> folders_;
  std::set<FileKey> files_;                                // of models only
  std::map<std::string, std::vector<std::string>> named_;  // files that are roots, by their folders
  std::vector<Linked> linked_folders_;
  std::vector<Gathered> with_links_;
  std::uint64_t passed_ = 0;
  std::uint64_t steps_ = 0;
  bool stopped_ = false;
};

}  // namespace

void walk(const std::vector<std::string>& roots, const Visitor& visitor) { Walk(visitor).run(roots); }

}  // namespace weigh::core
