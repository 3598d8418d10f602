#include "src/remote/header_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <span>

#include "formats/byte_source.h"
#include "formats/error.h"
#include "formats/snapshot.h"
#include "src/source/environment.h"

namespace weigh::core {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".weigh.zst";
constexpr std::string_view kIdentity = "identity";  // a file of the snapshot beside the head
constexpr std::uint64_t kMostPacked = std::uint64_t{128} << 20U;

// FNV-1a over the text, from two starting points: a file's name, not a proof. What is read is compared as a whole.
std::string name_of(std::string_view identity) {
  std::string name;
  for (std::uint64_t hash : {14695981039346656037U, 1469598103934665603U}) {
    for (const char c : identity) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
    name += fmt::format("{:016x}", hash);
  }
  return name;
}

std::string path_of(const std::string& identity) {
  const std::string folder = cache_folder();
  return folder.empty() ? std::string() : fmt::format("{}/{}{}", folder, name_of(identity), kSuffix);
}

bool is_entry(const fs::directory_entry& entry) {
  const std::string name = entry.path().filename().string();
  std::error_code error;
  return name.size() == 32 + kSuffix.size() && name.ends_with(kSuffix) && entry.is_regular_file(error);
}

std::string_view text_of(const SnapshotFile& file) {
  return {reinterpret_cast<const char*>(file.head.data()), file.head.size()};
}

SnapshotFile snapshot_file(std::string name, std::uint64_t bytes, std::string_view head) {
  const auto raw = std::as_bytes(std::span(head));
  return {std::move(name), bytes, {raw.begin(), raw.end()}};
}

std::optional<Snapshot> read_entry(const std::string& path) {
  try {
    FileSource file(path);
    Snapshot snapshot = read_snapshot(read_all(file, kMostPacked));
    if (snapshot.files.size() == 2 && snapshot.files[0].name == kIdentity) return snapshot;
  } catch (const Error&) {  // damaged, or another program's
  }
  return std::nullopt;
}

void write_whole(const std::string& path, std::span<const std::byte> bytes) {
  static std::atomic<unsigned> counter{0};
  const std::string part = fmt::format("{}.{}.{}.part", path, ::getpid(), counter++);
  const int file = ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return;
  bool whole = true;
  while (whole && !bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    whole = written > 0;
    if (whole) bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  whole = ::close(file) == 0 && whole;
  if (!whole || std::rename(part.c_str(), path.c_str()) != 0) ::unlink(part.c_str());
}

struct Kept {
  fs::path path;
  std::uint64_t bytes = 0;
  fs::file_time_type used;
};

std::vector<Kept> entries() {
  std::vector<Kept> kept;
  std::error_code error;
  for (fs::directory_iterator entry(cache_folder(), error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (is_entry(*entry)) kept.push_back({entry->path(), entry->file_size(ignored), entry->last_write_time(ignored)});
  }
  std::ranges::sort(kept, std::greater<>{}, &Kept::used);
  return kept;
}

// What was not used for longest goes, until a quarter is free.
void make_room() {
  std::uint64_t sum = 0;
  const std::vector<Kept> kept = entries();
  for (const Kept& entry : kept) sum += entry.bytes;
  if (sum <= kMostCacheBytes) return;
  for (auto entry = kept.rbegin(); entry != kept.rend() && sum > kMostCacheBytes / 4 * 3; ++entry) {
    std::error_code ignored;
    fs::remove(entry->path, ignored);
    sum -= entry->bytes;
  }
}

}  // namespace

std::string cache_folder() {
  // A relative one is to be ignored (XDG Base Directory Specification).
  auto home = cache_home();
  if (home && !home->starts_with('/')) home = variable("HOME") ? *variable("HOME") + "/.cache" : std::string();
  return home && home->starts_with('/') ? *home + "/weigh" : std::string();
}

std::optional<CachedHead> cached_head(const std::string& identity) {
  const std::string path = path_of(identity);
  if (path.empty() || identity.empty()) return std::nullopt;
  const auto snapshot = read_entry(path);
  if (!snapshot || text_of(snapshot->files[0]) != identity) return std::nullopt;
  std::error_code ignored;
  fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
  return CachedHead{snapshot->files[1].file_bytes, std::string(text_of(snapshot->files[1]))};
}

void cache_head(const std::string& identity, const std::string& shown, std::uint64_t file_bytes,
                std::string_view head) {
  const std::string path = path_of(identity);
  if (path.empty() || identity.empty() || head.size() > file_bytes) return;
  const fs::path folder(cache_folder());
  std::error_code error;
  fs::create_directories(folder.parent_path(), error);
  ::mkdir(folder.c_str(), 0700);
  Snapshot snapshot;
  snapshot.name = shown;
  snapshot.files.push_back(snapshot_file(std::string(kIdentity), identity.size(), identity));
  snapshot.files.push_back(snapshot_file("head", file_bytes, head));
  write_whole(path, write_snapshot(snapshot, Packing::Fast));
  make_room();
}

std::vector<CacheEntry> list_cache() {
  std::vector<CacheEntry> listed;
  for (const Kept& kept : entries()) {
    const auto snapshot = read_entry(kept.path.string());
    if (!snapshot) continue;
    struct stat status {};
    const bool known = ::stat(kept.path.c_str(), &status) == 0;
    listed.push_back({snapshot->name, kept.bytes, snapshot->files[1].file_bytes, known ? status.st_mtime : 0});
  }
  return listed;
}

std::uint64_t clear_cache() {
  std::uint64_t freed = 0;
  for (const Kept& kept : entries()) {
    std::error_code error;
    fs::remove(kept.path, error);
    if (error) throw IoError(fmt::format("cannot be removed: {}", error.message()));
    freed += kept.bytes;
  }
  return freed;
}

}  // namespace weigh::core
