#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "src/remote/reference.h"
#include "src/remote/session.h"
#include "src/source/folder.h"

namespace weigh::core {

/// A file of a repository as its list has it.
struct ListedFile {
  std::string path;  ///< below the repository, '/' between parts, never leaving it
  std::optional<std::uint64_t> bytes = std::nullopt;
  std::string content = {};  ///< "sha256:HEX", "git:HEX", "etag:..."; empty where the list tells nothing
  Url url = {};
};

/// What a reference leads to: the files of one revision.
struct Repository {
  std::string shown;                 ///< "hf://org/repo@v1": what stands before '/' and a file's path
  std::string name;                  ///< what to call a model that fills it
  std::string revision;              ///< the commit, where there is one
  std::vector<ListedFile> files;     ///< sorted by path
  std::vector<Header> headers = {};  ///< of every request for a file
  std::shared_ptr<const Credential> credential = nullptr;
  std::string forbidden_by = {};                                 ///< see Fetch
  std::function<std::string(const Fetched&)> explain = nullptr;  ///< of an answer that is no file
};

/// What one reference names: a repository, and the file or folder in it.
struct RemotePlace {
  std::shared_ptr<const Repository> repository;
  std::string path;  ///< of a file or folder; empty for the whole
};

/// Lists what a reference leads to. Throws IoError.
RemotePlace look_up(const Reference& reference, RemoteSession& session);

/// The files below a folder of the repository ("" for all), as those of a folder on disk: hidden files and deeper
/// folders are left out of the names.
Folder remote_folder(const std::shared_ptr<const Repository>& repository, const std::string& path,
                     const std::shared_ptr<RemoteSession>& session);

// One function for each kind of server.
RemotePlace look_up_hub(const Reference& reference, RemoteSession& session);
RemotePlace look_up_model_scope(const Reference& reference, RemoteSession& session);
RemotePlace look_up_ollama(const Reference& reference, RemoteSession& session);
RemotePlace look_up_s3(const Reference& reference, RemoteSession& session);
RemotePlace look_up_web(const Reference& reference, RemoteSession& session);

/// For those functions: adds a file to a list. Throws IoError for a path that leaves the repository, is longer than
/// any or holds control characters, and for more files than anybody has.
void add_listed(ListedFile file, std::vector<ListedFile>& files);

/// Sorts a list by path; what it names twice is there once.
void sort_listed(std::vector<ListedFile>& files);

/// The list as it is kept in the cache of headers, and read back with --offline; nothing where it is not there.
void keep_list(const std::string& key, const Repository& repository);
std::optional<Repository> kept_list(const std::string& key);

/// The body of an answer as JSON within limits. Throws IoError, which names the host.
std::shared_ptr<const nlohmann::json> json_of(const Fetched& fetched, std::string_view what);

/// At most that many bytes of a list's page are read.
inline constexpr std::uint64_t kMostListBytes = std::uint64_t{8} << 20U;

}  // namespace weigh::core
