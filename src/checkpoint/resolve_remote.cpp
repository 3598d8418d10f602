#include "src/checkpoint/resolve_remote.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/snapshot.h"
#include "src/checkpoint/near_names.h"
#include "src/remote/repository.h"
#include "src/source/file_names.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kMostSnapshot = std::uint64_t{64} << 20U;
constexpr std::size_t kMostNamed = 4;

bool is_file(const Repository& repository, const std::string& path) {
  return std::ranges::binary_search(repository.files, path, {}, &ListedFile::path);
}

bool is_folder(const Repository& repository, const std::string& path) {
  const std::string prefix = path + '/';
  const auto first = std::ranges::lower_bound(repository.files, prefix, {}, &ListedFile::path);
  return first != repository.files.end() && first->path.starts_with(prefix);
}

[[noreturn]] void fail_path(const Repository& repository, const std::string& path) {
  std::vector<std::string> names;
  for (const ListedFile& file : repository.files) {
    if (is_model_name(file.path)) names.push_back(file.path);
  }
  std::vector<std::string> near = near_names(path, names, kMostNamed);
  if (near.empty())
    near.assign(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kMostNamed)));
  const std::string there = near.empty() ? std::string("no model") : fmt::format("{}", fmt::join(near, ", "));
  throw IoError(fmt::format("no file {} in {}; it has {}", quote(path), repository.shown, there));
}

// GGUF files that lie in folders of a repository, a folder for each quantisation, count as its own.
void add_ggufs_of_subfolders(ResolvedPath& resolved) {
  std::set<std::string> folders;
  for (const std::string& name : resolved.folder.names) {
    if (is_gguf_name(name) && name.find('/') != std::string::npos) folders.insert(std::string(folder_part(name)));
  }
  for (const std::string& folder : folders) {
    std::ranges::move(select_ggufs(resolved.folder, folder), std::back_inserter(resolved.selections));
  }
}

ResolvedPath resolve_snapshot_at(const Folder& folder, const std::string& name) {
  ResolvedPath resolved;
  resolved.folder = snapshot_folder(read_snapshot(read_all(*folder.remote->open_packed(name), kMostSnapshot)));
  resolved.whole_folder = true;
  resolved.header_only = true;
  select_all(resolved);
  return resolved;
}

ResolvedPath resolve_place(const Reference& reference, const RemotePlace& place,
                           const std::shared_ptr<RemoteSession>& session) {
  const Repository& repository = *place.repository;
  ResolvedPath resolved;
  if (!place.path.empty() && is_file(repository, place.path)) {
    std::string folder(folder_part(place.path));
    if (!folder.empty()) folder.pop_back();
    resolved.folder = remote_folder(place.repository, folder, session);
    const std::string name(base_name(place.path));
    if (is_snapshot_name(name)) return resolve_snapshot_at(resolved.folder, name);
    if (!resolved.folder.has(name)) {  // a hidden file: the user named it, so it counts
      resolved.folder.names.push_back(name);
      std::ranges::sort(resolved.folder.names);
    }
    resolved.selections.push_back(select_for_file(resolved.folder, name));
    return resolved;
  }
  if (!place.path.empty() && !is_folder(repository, place.path)) fail_path(repository, place.path);
  resolved.folder = remote_folder(place.repository, place.path, session);
  resolved.whole_folder = true;
  select_all(resolved);
  const bool has_safetensors = std::ranges::any_of(
      resolved.selections, [](const Selection& selection) { return is_safetensors_name(selection.files.front()); });
  if (!has_safetensors) add_ggufs_of_subfolders(resolved);
  if (reference.kind == RemoteKind::Ollama) {
    for (Selection& selection : resolved.selections) selection.name = resolved.folder.name;
    name_store_models(resolved, resolved.folder.path);
  }
  return resolved;
}

}  // namespace

bool is_remote(const std::string& named) {
  try {
    return parse_reference(named).has_value();
  } catch (const Error&) {
    return true;
  }
}

ResolvedPath resolve_remote(const std::string& named) {
  const auto reference = parse_reference(named);
  const auto session = RemoteSession::current();
  return resolve_place(*reference, look_up(*reference, *session), session);
}

std::vector<Folder> remote_folders(const std::string& named) {
  const auto reference = parse_reference(named);
  const auto session = RemoteSession::current();
  const RemotePlace place = look_up(*reference, *session);
  const Repository& repository = *place.repository;
  if (reference->kind == RemoteKind::Ollama || (!place.path.empty() && is_file(repository, place.path))) {
    ResolvedPath resolved = resolve_place(*reference, place, session);
    std::set<std::string> own;
    for (const Selection& selection : resolved.selections) own.insert(selection.files.begin(), selection.files.end());
    std::erase_if(resolved.folder.names,
                  [&](const std::string& name) { return is_weights_name(name) && !own.contains(name); });
    return {std::move(resolved.folder)};
  }
  if (!place.path.empty() && !is_folder(repository, place.path)) fail_path(repository, place.path);
  const std::string prefix = place.path.empty() ? "" : place.path + '/';
  std::set<std::string> paths;
  std::vector<std::string> pipelines;  // with all that is in them
  for (const ListedFile& file : repository.files) {
    if (!file.path.starts_with(prefix)) continue;
    const std::string folder(folder_part(file.path));
    if (base_name(file.path) == kPipelineName) pipelines.push_back(folder);
    if (is_model_name(file.path) || is_safetensors_index_name(file.path)) paths.insert(folder);
  }
  for (const std::string& pipeline : pipelines) {
    std::erase_if(paths, [&](const std::string& path) { return path.starts_with(pipeline); });
    paths.insert(pipeline);
  }
  std::vector<Folder> folders;
  folders.reserve(paths.size());
  for (const std::string& path : paths) {
    folders.push_back(remote_folder(place.repository, path.substr(0, path.size() - (path.empty() ? 0 : 1)), session));
  }
  return folders;
}

std::uint64_t remote_weight_bytes(const std::string& named) {
  std::uint64_t bytes = 0;
  for (const Folder& folder : remote_folders(named)) {
    for (const std::string& name : folder.names) {
      if (!is_weights_name(name)) continue;
      const auto listed = folder.remote->bytes.find(name);
      bytes = plus(bytes, listed != folder.remote->bytes.end() ? listed->second : folder.open(name)->size());
    }
  }
  return bytes;
}

}  // namespace weigh::core
