#include "src/source/folder.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

#include "formats/error.h"
#include "src/source/file_names.h"
#include "src/source/zstd_source.h"

namespace weigh::core {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSnapshotMagic = "WEIGHSNP";
constexpr int kMaxDepth = 32;  // folders within folders: no checkpoint has more than four

bool begins_like_zstd(ByteSource& source) {
  std::array<std::byte, 4> head{};
  if (source.available() < head.size()) return false;
  source.read(0, head);
  return looks_like_zstd(head);
}

void list(const fs::path& folder, const std::string& prefix, bool descend, std::vector<std::string>& names) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with('.')) continue;
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      if (descend) list(entry->path(), prefix + name + '/', false, names);
    } else {
      names.push_back(prefix + name);
    }
  }
  if (error && prefix.empty()) throw IoError("the folder cannot be listed: " + error.message());
}

// The Hugging Face cache calls a folder by its commit; its owner calls the model by organisation and name.
std::string model_name(const fs::path& folder) {
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(folder, error);
  const auto hub = hub_path_of(whole.string());
  return hub && hub->inside.empty() ? hub->repository : whole.filename().string();
}

// A head that owns its bytes: a source may outlive the snapshot it came from.
class HeadSource : public MemorySource {
 public:
  HeadSource(std::shared_ptr<const Snapshot> snapshot, const SnapshotFile& file)
      : MemorySource(file.head, file.file_bytes), snapshot_(std::move(snapshot)) {}

 private:
  std::shared_ptr<const Snapshot> snapshot_;
};

}  // namespace

bool Folder::has(const std::string& wanted) const { return std::ranges::binary_search(names, wanted); }

void Folder::fetch_ahead(const std::vector<std::string>& wanted) const {
  if (remote && !wanted.empty()) remote->fetch_ahead(wanted);
}

std::string Folder::path_of(const std::string& file) const {
  if (const auto place = places.find(file); place != places.end()) return place->second;
  return path.empty() || path.ends_with('/') ? path + file : path + '/' + file;
}

void open_from_disk(Folder& folder) {
  Folder where;
  where.path = folder.path;
  where.places = folder.places;
  folder.open = [where](const std::string& name) { return open_source(where.path_of(name)); };
}

Folder local_folder(const std::string& path) {
  Folder folder;
  folder.path = path;
  while (folder.path.size() > 1 && folder.path.ends_with('/')) folder.path.pop_back();
  folder.name = model_name(path);
  list(path, "", true, folder.names);
  std::ranges::sort(folder.names);
  open_from_disk(folder);
  return folder;
}

std::vector<std::string> every_name(const Folder& folder, std::size_t most) {
  if (folder.remote) return folder.remote->all_names;
  std::set<std::string> names(folder.names.begin(), folder.names.end());
  if (folder.path.empty() || !folder.places.empty()) return folder.names;
  most += names.size();
  const fs::path root(folder.path);
  std::error_code error;
  fs::recursive_directory_iterator entry(root, fs::directory_options::skip_permission_denied, error);
  for (const fs::recursive_directory_iterator end; !error && entry != end && names.size() < most;
       entry.increment(error)) {
    std::error_code unknown;
    const std::string name = entry->path().filename().string();
    if (!entry->is_symlink(unknown) && entry->is_directory(unknown)) {
      if (name == ".git" || entry.depth() >= kMaxDepth) entry.disable_recursion_pending();
    } else if (entry.depth() > 1 || name.starts_with('.') ||
               entry->path().parent_path().filename().string().starts_with('.')) {
      names.insert(entry->path().lexically_relative(root).string());
    }
  }
  return {names.begin(), names.end()};
}

Folder snapshot_folder(Snapshot snapshot) {
  Folder folder;
  const auto shared = std::make_shared<const Snapshot>(std::move(snapshot));
  folder.name = shared->name;
  for (const SnapshotFile& file : shared->files) folder.names.push_back(file.name);
  std::ranges::sort(folder.names);
  folder.open = [shared](const std::string& name) -> std::unique_ptr<ByteSource> {
    const auto file = std::ranges::find(shared->files, name, &SnapshotFile::name);
    if (file == shared->files.end()) throw IoError("is not in the snapshot");
    return std::make_unique<HeadSource>(shared, *file);
  };
  return folder;
}

std::unique_ptr<ByteSource> open_source(const std::string& path) {
  auto source = std::make_unique<FileSource>(path);
  if (begins_like_zstd(*source)) return std::make_unique<ZstdSource>(std::move(source));
  return source;
}

std::optional<Snapshot> open_snapshot(const std::string& path) {
  FileSource file(path);
  if (!begins_like_zstd(file)) return std::nullopt;
  ZstdSource inside(std::make_unique<FileSource>(path));
  std::array<std::byte, kSnapshotMagic.size()> magic{};
  try {
    inside.read(0, magic);
  } catch (const IoError&) {  // it ends before
    return std::nullopt;
  }
  if (!std::ranges::equal(magic, std::as_bytes(std::span(kSnapshotMagic)))) return std::nullopt;
  constexpr std::uint64_t kMaxPacked = std::uint64_t{1} << 30U;
  return read_snapshot(read_all(file, kMaxPacked));
}

}  // namespace weigh::core
