#include "src/remote/repository.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "formats/error.h"
#include "formats/model_file.h"
#include "formats/path.h"
#include "formats/snapshot.h"
#include "formats/text.h"
#include "src/remote/header_cache.h"
#include "src/remote/remote_file.h"
#include "src/source/file_names.h"
#include "src/source/parallel.h"
#include "src/source/parse_json.h"
#include "src/source/zstd_source.h"

namespace weigh::core {

namespace {

constexpr std::size_t kMostFiles = 200'000;
constexpr std::size_t kLongestPath = 1024;
constexpr std::size_t kShownOfPath = 100;
constexpr std::size_t kAtOnce = 16;
// A compressed file is read as a whole: how long it is inside shows only at its end.
constexpr std::uint64_t kMostCompressed = std::uint64_t{64} << 20U;

// Opens files once: what was read of one is there for whoever asks next.
class OpenFiles {
 public:
  OpenFiles(std::shared_ptr<const Repository> repository, std::string path, std::shared_ptr<RemoteSession> session)
      : repository_(std::move(repository)), path_(std::move(path)), session_(std::move(session)) {}

  std::shared_ptr<RemoteFile> file(const std::string& name) {
    const std::lock_guard lock(mutex_);
    auto& file = files_[name];
    if (file) return file;
    const auto listed = std::ranges::lower_bound(repository_->files, path_ + name, {}, &ListedFile::path);
    if (listed == repository_->files.end() || listed->path != path_ + name) throw IoError("is not in the repository");
    RemoteAddress address;
    address.shown = fmt::format("{}/{}", repository_->shown, listed->path);
    address.fetch.url = listed->url;
    address.fetch.headers = repository_->headers;
    address.fetch.credential = repository_->credential;
    address.fetch.forbidden_by = repository_->forbidden_by;
    address.bytes = listed->bytes;
    address.content = listed->content;
    address.explain = repository_->explain;
    file = std::make_shared<RemoteFile>(session_, std::move(address));
    return file;
  }

  std::unique_ptr<ByteSource> open(const std::string& name) {
    auto source = std::make_unique<RemoteSource>(file(name));
    if (!name.ends_with(kZstSuffix)) return source;
    if (source->size() > kMostCompressed) {
      throw IoError(fmt::format("is compressed, and all of its {} bytes would have to be read", source->size()));
    }
    std::array<std::byte, 4> head{};
    if (source->size() < head.size()) return source;
    source->read(0, head);
    if (!looks_like_zstd(head)) return source;
    return std::make_unique<ZstdSource>(std::move(source));
  }

  // What whoever opens it will read; what goes wrong now is told then.
  void fetch_ahead(const std::string& name) {
    for (bool again : {false, true}) {
      try {
        if (is_weights_name(name)) {
          static_cast<void>(read_model_file(*open(name), without_zst(name)));
        } else {
          const std::uint64_t size = file(name)->size();
          file(name)->read_front(size <= json_limits_of(name).bytes ? size : RemoteSource::kFirstRead);
        }
      } catch (const RemoteChanged&) {
        if (!again) continue;
      } catch (const std::exception&) {
      }
      return;
    }
  }

  // The smallest file is read as a whole, the others around what they share with it.
  void fetch_alike(std::vector<std::string> names) {
    std::ranges::stable_sort(names, {}, [&](const std::string& name) { return listed_bytes(name); });
    std::optional<SharedVocabulary> shared;
    std::size_t first = 0;
    while (first < names.size() && !shared) {
      fetch_ahead(names[first]);
      shared = vocabulary_of(names[first++]);
    }
    at_once(names.size() - first, kAtOnce, [&](std::size_t i) {
      const std::string& name = names[first + i];
      try {
        if (shared) file(name)->borrow(*shared);
      } catch (const std::exception&) {  // told when it is opened
      }
      fetch_ahead(name);
    });
  }

 private:
  std::uint64_t listed_bytes(const std::string& name) const {
    const auto listed = std::ranges::lower_bound(repository_->files, path_ + name, {}, &ListedFile::path);
    return listed == repository_->files.end() ? 0 : listed->bytes.value_or(0);
  }

  // Nothing for a file without a long vocabulary, such as a projector or the second part of a split one.
  std::optional<SharedVocabulary> vocabulary_of(const std::string& name) {
    constexpr std::uint64_t kLong = std::uint64_t{16} << 10U;
    try {
      const ModelFile model = read_model_file(*open(name), name);
      SharedVocabulary shared;
      for (const MetadataEntry& entry : model.metadata.entries) {
        if (entry.bytes.size() < kLong) continue;
        const auto* begin = reinterpret_cast<const std::byte*>(model.header.data.get());
        shared.end = std::max(shared.end, static_cast<std::uint64_t>(entry.bytes.data() - begin) + entry.bytes.size());
      }
      if (shared.end < 2 * RemoteSource::kFirstRead || model.tensors.empty()) return std::nullopt;
      shared.head.assign(reinterpret_cast<const char*>(model.header.data.get()),
                         std::min(model.header_bytes, model.header.size));
      return shared;
    } catch (const std::exception&) {
      return std::nullopt;
    }
  }

  std::shared_ptr<const Repository> repository_;
  std::string path_;
  std::shared_ptr<RemoteSession> session_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<RemoteFile>> files_;
};

// As local_folder() lists: no hidden files, and of folders in it no more than their files.
bool is_listed_name(std::string_view name) {
  const auto slash = name.find('/');
  if (name.starts_with('.')) return false;
  if (slash == std::string_view::npos) return true;
  return name.find('/', slash + 1) == std::string_view::npos && !name.substr(slash + 1).starts_with('.');
}

std::string list_key(const std::string& key) { return "list of " + key; }

}  // namespace

void add_listed(ListedFile file, std::vector<ListedFile>& files) {
  const bool odd =
      std::ranges::any_of(file.path, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
  if (odd || file.path.size() > kLongestPath || !stays_inside(file.path)) {
    file.path.resize(std::min(file.path.size(), kShownOfPath));
    throw IoError(fmt::format("is listed with a file that no repository has: {}", quote(file.path)));
  }
  if (files.size() == kMostFiles) throw IoError(fmt::format("holds more than {} files", kMostFiles));
  files.push_back(std::move(file));
}

void sort_listed(std::vector<ListedFile>& files) {
  std::ranges::stable_sort(files, {}, &ListedFile::path);
  const auto same_path = [](const ListedFile& a, const ListedFile& b) { return a.path == b.path; };
  files.erase(std::unique(files.begin(), files.end(), same_path), files.end());
}

RemotePlace look_up(const Reference& reference, RemoteSession& session) {
  switch (reference.kind) {
    case RemoteKind::HuggingFace: return look_up_hub(reference, session);
    case RemoteKind::ModelScope: return look_up_model_scope(reference, session);
    case RemoteKind::Ollama: return look_up_ollama(reference, session);
    case RemoteKind::S3: return look_up_s3(reference, session);
    case RemoteKind::Web: return look_up_web(reference, session);
  }
  return {};
}

Folder remote_folder(const std::shared_ptr<const Repository>& repository, const std::string& path,
                     const std::shared_ptr<RemoteSession>& session) {
  const std::string prefix = path.empty() ? "" : path + '/';
  auto remote = std::make_shared<RemoteFolder>();
  Folder folder;
  folder.path = path.empty() ? repository->shown : fmt::format("{}/{}", repository->shown, path);
  folder.name = path.empty() ? repository->name : std::string(base_name(path));
  for (const ListedFile& file : repository->files) {
    if (!file.path.starts_with(prefix)) continue;
    std::string name = file.path.substr(prefix.size());
    if (is_listed_name(name)) folder.names.push_back(name);
    if (file.bytes) remote->bytes.emplace(name, *file.bytes);
    if (!file.content.empty()) remote->contents.emplace(name, file.content);
    remote->all_names.push_back(std::move(name));
  }
  const auto files = std::make_shared<OpenFiles>(repository, prefix, session);
  folder.open = [files](const std::string& name) { return files->open(name); };
  remote->open_packed = [files](const std::string& name) { return std::make_unique<RemoteSource>(files->file(name)); };
  remote->fetch_ahead = [files](const std::vector<std::string>& names) {
    at_once(names.size(), kAtOnce, [&](std::size_t i) { files->fetch_ahead(names[i]); });
  };
  remote->fetch_alike = [files](const std::vector<std::string>& names) { files->fetch_alike(names); };
  folder.remote = std::move(remote);
  return folder;
}

std::shared_ptr<const nlohmann::json> json_of(const Fetched& fetched, std::string_view what) {
  const std::string host = fetched.url.host_and_port();
  if (lower(fetched.reply.header("content-type")).starts_with("text/html")) {
    throw IoError(fmt::format("{} answers with a web page instead of {}: a login page of a proxy, or no such server",
                              host, what));
  }
  if (fetched.reply.cut)
    throw IoError(fmt::format("{} sends {} of more than {} MiB", host, what, kMostListBytes >> 20U));
  ParsedJson json = parse_json(fetched.reply.body, kTreeJson);
  if (!json) throw IoError(fmt::format("{} sends {} that is not one: {}", host, what, json.problem));
  return std::move(json.value);
}

void keep_list(const std::string& key, const Repository& repository) {
  nlohmann::json files = nlohmann::json::array();
  for (const ListedFile& file : repository.files) {
    files.push_back(
        {file.path, file.bytes ? nlohmann::json(*file.bytes) : nlohmann::json(), file.content, file.url.text()});
  }
  const nlohmann::json list{{"name", repository.name}, {"revision", repository.revision}, {"files", std::move(files)}};
  const std::string text = list.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  cache_head(list_key(key), repository.shown + " (list of files)", text.size(), text);
}

std::optional<Repository> kept_list(const std::string& key) {
  const auto cached = cached_head(list_key(key));
  if (!cached) return std::nullopt;
  const ParsedJson json = parse_json(cached->head, kTreeJson);
  if (!json) return std::nullopt;
  try {
    Repository repository;
    repository.name = json.value->at("name").get<std::string>();
    repository.revision = json.value->at("revision").get<std::string>();
    for (const auto& row : json.value->at("files")) {
      ListedFile file{row.at(0).get<std::string>()};
      if (row.at(1).is_number_unsigned()) file.bytes = row.at(1).get<std::uint64_t>();
      file.content = row.at(2).get<std::string>();
      const auto url = parse_url(row.at(3).get<std::string>());
      if (!url) return std::nullopt;
      file.url = *url;
      add_listed(std::move(file), repository.files);
    }
    return repository;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace weigh::core
