#include "src/audit/digests.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "formats/path.h"
#include "formats/text.h"
#include "src/source/file_names.h"
#include "src/source/parse_json.h"

namespace weigh::core {

namespace {

namespace fs = std::filesystem;
using Kind = ExpectedDigest::Kind;

constexpr std::size_t kMaxBytes = std::size_t{1} << 20U;
constexpr std::size_t kSha256Digits = 64;
constexpr std::size_t kGitDigits = 40;
constexpr int kMaxLinks = 4;    // two are usual: a user's and the cache's
constexpr int kMaxFolders = 4;  // from a file such as text_encoder/model.safetensors up to the folder of the download

struct Text {
  std::string text;
  bool whole = false;  // false when the file is larger than was asked for
};

// The first bytes of a regular file; nothing of a link, which may lead anywhere.
Text read_text(const fs::path& path, std::size_t most = kMaxBytes) {
  Text result;
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (descriptor < 0) return result;
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) {
    result.text.resize(std::min<std::size_t>(most, static_cast<std::size_t>(status.st_size)));
    std::size_t have = 0;
    while (have < result.text.size()) {
      const ssize_t got = ::read(descriptor, result.text.data() + have, result.text.size() - have);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
    }
    result.text.resize(have);
    result.whole = have == static_cast<std::size_t>(status.st_size);
  }
  ::close(descriptor);
  return result;
}

// Without a last line that kMaxBytes has cut.
std::vector<std::string_view> lines_of(const Text& text) {
  std::vector<std::string_view> lines;
  std::string_view rest = text.text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos && !text.whole) break;
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
  }
  return lines;
}

std::optional<std::string> parse_hex(std::string_view text, std::size_t digits) {
  if (text.size() != digits) return std::nullopt;
  std::string hex = lower(text);
  if (hex.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  return hex;
}

// The number of digits tells the kind, as in the cache.
std::optional<ExpectedDigest> parse_digest(std::string_view text, std::string stated_by) {
  if (auto hex = parse_hex(text, kSha256Digits)) return ExpectedDigest{Kind::Sha256, *hex, {}, std::move(stated_by)};
  if (auto hex = parse_hex(text, kGitDigits)) return ExpectedDigest{Kind::GitId, *hex, {}, std::move(stated_by)};
  return std::nullopt;
}

// The path, and the paths that its chain of links leads to.
std::vector<fs::path> link_chain(const std::string& path) {
  std::error_code error;
  std::vector<fs::path> paths = {fs::absolute(path, error).lexically_normal()};
  for (int i = 0; i < kMaxLinks; ++i) {
    const fs::path target = fs::read_symlink(paths.back(), error);
    if (error) break;
    paths.push_back((paths.back().parent_path() / target).lexically_normal());
  }
  return paths;
}

// blobs/HASH of a Hugging Face cache, blobs/sha256-HEX of Ollama.
std::optional<ExpectedDigest> blob_digest(const fs::path& path) {
  if (path.parent_path().filename() != kHubBlobs) return std::nullopt;
  const std::string name = path.filename().string();
  constexpr std::string_view kOllama = "sha256-";
  return parse_digest(name.starts_with(kOllama) ? name.substr(kOllama.size()) : name, "the blob's name");
}

std::optional<std::uint64_t> size_in_tree(const nlohmann::json& entry) {
  const bool large = entry.contains("lfs_sha256") && entry.contains("lfs_size");
  const auto size = entry.find(large ? "lfs_size" : "size");
  if (size == entry.end() || !size->is_number_unsigned()) return std::nullopt;
  return size->get<std::uint64_t>();
}

std::optional<ExpectedDigest> digest_in_tree(const nlohmann::json& entry) {
  const bool large = entry.contains("lfs_sha256");
  const auto digest = entry.find(large ? "lfs_sha256" : "blob_id");
  if (digest == entry.end() || !digest->is_string()) return std::nullopt;
  auto result = parse_digest(digest->get_ref<const std::string&>(), "the commit's list of files");
  if (!result || (result->kind == Kind::Sha256) != large) return std::nullopt;
  result->size = size_in_tree(entry);
  return result;
}

// FOLDER/trees/COMMIT.json, as newer versions of huggingface_hub write:
// {"format_version": 1, "files": {PATH: {"size", "blob_id", "lfs_sha256"?, "lfs_size"?}}}.
// The member "files".
std::optional<nlohmann::json> read_tree(const fs::path& folder, std::string_view commit) {
  if (!parse_hex(commit, kGitDigits)) return std::nullopt;
  const Text text = read_text(folder / "trees" / (std::string(commit) + ".json"), kTreeJson.bytes);
  if (!text.whole) return std::nullopt;
  const ParsedJson tree = parse_json(text.text, kTreeJson);
  if (!tree || !tree.value->is_object()) return std::nullopt;
  if (tree.value->value("/format_version"_json_pointer, nlohmann::json()) != 1) return std::nullopt;
  const auto files = tree.value->find("files");
  if (files == tree.value->end() || !files->is_object()) return std::nullopt;
  return std::move(*files);
}

}  // namespace

struct DigestRecords::Records {
  using List = std::multimap<std::string, std::string>;  // file name and sha256; "" for a digest without a name

  const std::optional<nlohmann::json>& tree(const fs::path& folder, std::string_view commit);
  const List& list(const fs::path& path);

  std::optional<ExpectedDigest> tree_digest(const fs::path& folder, std::string_view commit, const std::string& file);
  std::optional<ExpectedDigest> commit_digest(const fs::path& path);
  std::vector<std::optional<ExpectedDigest>> download_digests(const fs::path& path);
  std::vector<std::optional<ExpectedDigest>> listed_digests(const fs::path& path);

 private:
  std::map<std::string, std::optional<nlohmann::json>> trees_;
  std::map<std::string, List> lists_;
};

const std::optional<nlohmann::json>& DigestRecords::Records::tree(const fs::path& folder, std::string_view commit) {
  const auto [known, is_new] = trees_.try_emplace((folder / commit).string());
  if (is_new) known->second = read_tree(folder, commit);
  return known->second;
}

std::optional<ExpectedDigest> DigestRecords::Records::tree_digest(const fs::path& folder, std::string_view commit,
                                                                  const std::string& file) {
  const auto& files = tree(folder, commit);
  if (!files) return std::nullopt;
  const auto entry = files->find(file);
  return entry == files->end() || !entry->is_object() ? std::nullopt : digest_in_tree(*entry);
}

// REPOSITORY/snapshots/COMMIT/PATH of a Hugging Face cache.
std::optional<ExpectedDigest> DigestRecords::Records::commit_digest(const fs::path& path) {
  fs::path inside = path.filename();
  for (fs::path folder = path.parent_path(); folder.has_relative_path(); folder = folder.parent_path()) {
    const fs::path above = folder.parent_path();
    if (above.filename() == kHubSnapshots) return tree_digest(above.parent_path(), folder.filename().string(), inside);
    inside = folder.filename() / inside;
  }
  return std::nullopt;
}

// D/.cache/huggingface/download/PATH.metadata for a file downloaded to D/PATH: commit, etag, time, a line each.
std::vector<std::optional<ExpectedDigest>> DigestRecords::Records::download_digests(const fs::path& path) {
  fs::path inside = path.filename();
  fs::path folder = path.parent_path();
  for (int i = 0; i < kMaxFolders && folder.has_relative_path(); ++i, folder = folder.parent_path()) {
    const fs::path store = folder / ".cache" / "huggingface";
    fs::path metadata = store / "download" / inside;
    metadata += ".metadata";
    const Text text = read_text(metadata);
    const auto lines = lines_of(text);
    if (lines.size() >= 2) {
      return {parse_digest(lines[1], metadata.filename().string()), tree_digest(store, lines[0], inside.string())};
    }
    inside = folder.filename() / inside;
  }
  return {};
}

namespace {

// Where a commit's list of files is kept, and which part of it is a folder's.
struct TreePlace {
  fs::path folder;  // with "trees" in it
  std::string commit;
  std::string prefix;  // "" or "unet/"
};

// REPOSITORY/snapshots/COMMIT, or a folder in it.
std::optional<TreePlace> tree_of_snapshot(const fs::path& path) {
  std::string prefix;
  for (fs::path folder = path; folder.has_relative_path(); folder = folder.parent_path()) {
    const fs::path above = folder.parent_path();
    if (above.filename() == kHubSnapshots) return TreePlace{above.parent_path(), folder.filename().string(), prefix};
    prefix = folder.filename().string() + '/' + prefix;
  }
  return std::nullopt;
}

// The commit of the newest of the records that a download leaves, by their third lines.
std::optional<std::string> downloaded_commit(const fs::path& records) {
  constexpr int kMaxRecords = 1000;
  std::optional<std::string> commit;
  std::uint64_t newest = 0;
  int count = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(records, error), end; !error && entry != end && count < kMaxRecords;
       entry.increment(error)) {
    if (entry->path().extension() != ".metadata") continue;
    ++count;
    const Text text = read_text(entry->path());
    const auto lines = lines_of(text);
    if (lines.size() < 3 || !parse_hex(lines[0], kGitDigits)) continue;
    const auto seconds = parse_uint(lines[2].substr(0, lines[2].find('.')));
    if (!seconds || (commit && *seconds <= newest)) continue;
    commit = lines[0];
    newest = *seconds;
  }
  return commit;
}

// D/.cache/huggingface for a download into D.
std::optional<TreePlace> tree_of_download(const fs::path& path) {
  std::string prefix;
  fs::path folder = path;
  for (int i = 0; i < kMaxFolders && folder.has_relative_path(); ++i, folder = folder.parent_path()) {
    const fs::path store = folder / ".cache" / "huggingface";
    if (auto commit = downloaded_commit(store / "download")) return TreePlace{store, std::move(*commit), prefix};
    prefix = folder.filename().string() + '/' + prefix;
  }
  return std::nullopt;
}

// sha256sum begins a line with a backslash when the file name in it has escapes.
std::string unescaped(std::string_view name) {
  std::string plain;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '\\' || i + 1 == name.size()) {
      plain += name[i];
      continue;
    }
    const char next = name[++i];
    plain += next == 'n' ? '\n' : next == 'r' ? '\r' : next;
  }
  return plain;
}

struct ListedDigest {
  std::string name;  // empty for a digest alone
  std::string hex;
};

// "HEX  NAME", "HEX *NAME", "SHA256 (NAME) = HEX" or "HEX".
std::optional<ListedDigest> digest_of_line(std::string_view line) {
  const bool escapes = line.starts_with('\\');
  if (escapes) line.remove_prefix(1);
  std::string_view hex, name;
  constexpr std::string_view kBsd = "SHA256 (";
  if (line.starts_with(kBsd)) {
    const std::size_t end = line.rfind(") = ");
    if (end == std::string_view::npos || end < kBsd.size()) return std::nullopt;
    name = line.substr(kBsd.size(), end - kBsd.size());
    hex = line.substr(end + 4);
  } else {
    hex = line.substr(0, kSha256Digits);
    name = line.substr(hex.size());
    if (!name.empty() && !name.starts_with("  ") && !name.starts_with(" *")) return std::nullopt;
    name.remove_prefix(std::min<std::size_t>(2, name.size()));
  }
  if (name.starts_with("./")) name.remove_prefix(2);
  auto digits = parse_hex(hex, kSha256Digits);
  if (!digits) return std::nullopt;
  return ListedDigest{escapes ? unescaped(name) : std::string(name), std::move(*digits)};
}

}  // namespace

const DigestRecords::Records::List& DigestRecords::Records::list(const fs::path& path) {
  const auto [known, is_new] = lists_.try_emplace(path.string());
  if (!is_new) return known->second;
  const Text text = read_text(path);
  for (const std::string_view line : lines_of(text)) {
    if (auto digest = digest_of_line(line)) known->second.emplace(std::move(digest->name), std::move(digest->hex));
  }
  return known->second;
}

std::vector<std::optional<ExpectedDigest>> DigestRecords::Records::listed_digests(const fs::path& path) {
  constexpr auto kLists = std::to_array<std::string_view>(
      {"SHA256SUMS", "SHA256SUMS.txt", "sha256sums.txt", "sha256sum.txt", "checksums.txt", "checksum.txt"});
  const std::string file = path.filename().string();
  std::vector<std::optional<ExpectedDigest>> found;
  const auto add = [&](const List& list, const std::string& name, const std::string& stated_by) {
    const auto [first, last] = list.equal_range(name);
    for (auto entry = first; entry != last; ++entry) {
      found.push_back(ExpectedDigest{Kind::Sha256, entry->second, {}, stated_by});
    }
  };
  for (const std::string_view name : kLists) add(list(path.parent_path() / name), file, std::string(name));
  for (const std::string_view ending : {".sha256", ".sha256sum", ".sha256.txt"}) {
    const std::string name = file + std::string(ending);
    const List& of_one = list(path.parent_path() / name);
    add(of_one, file, name);
    add(of_one, "", name);
  }
  return found;
}

DigestRecords::DigestRecords() : records_(std::make_unique<Records>()) {}
DigestRecords::~DigestRecords() = default;

std::optional<CommitFiles> DigestRecords::commit_files(const std::string& folder) {
  std::error_code error;
  fs::path path = fs::weakly_canonical(fs::absolute(folder, error), error);
  if (error) return std::nullopt;
  if (!path.has_filename()) path = path.parent_path();
  auto place = tree_of_snapshot(path);
  if (!place) place = tree_of_download(path);
  if (!place) return std::nullopt;
  const auto& tree = records_->tree(place->folder, place->commit);
  if (!tree) return std::nullopt;
  CommitFiles result{place->commit, {}};
  for (const auto& [name, entry] : tree->items()) {
    if (!name.starts_with(place->prefix) || !stays_inside(name) || !entry.is_object()) continue;
    result.files.push_back({name.substr(place->prefix.size()), size_in_tree(entry)});
  }
  return result;
}

std::vector<ExpectedDigest> DigestRecords::expected(const std::string& path) {
  std::vector<ExpectedDigest> digests;
  const auto add = [&](std::optional<ExpectedDigest> digest) {
    if (!digest) return;
    const auto same = std::ranges::find_if(
        digests, [&](const ExpectedDigest& known) { return known.kind == digest->kind && known.hex == digest->hex; });
    if (same == digests.end()) {
      digests.push_back(std::move(*digest));
    } else if (!same->size) {
      same->size = digest->size;
    }
  };
  const std::vector<fs::path> paths = link_chain(path);
  for (const fs::path& link : paths) add(blob_digest(link));
  for (const fs::path& link : paths) add(records_->commit_digest(link));
  for (auto& digest : records_->download_digests(paths.front())) add(std::move(digest));
  for (auto& digest : records_->listed_digests(paths.front())) add(std::move(digest));
  return digests;
}

}  // namespace weigh::core
