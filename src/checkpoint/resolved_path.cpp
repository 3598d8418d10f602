#include "src/checkpoint/resolved_path.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "formats/error.h"
#include "src/checkpoint/ollama_store.h"
#include "src/checkpoint/resolve_remote.h"
#include "src/checkpoint/standard_input.h"
#include "src/source/file_names.h"
#include "src/source/hub_cache.h"

namespace weigh::core {

namespace fs = std::filesystem;

void select_all(ResolvedPath& resolved) {
  FolderModels models = select_all_models(resolved.folder);
  if (models.selections.empty() && !models.failures.empty()) std::rethrow_exception(models.failures.front().error);
  resolved.selections = std::move(models.selections);
  resolved.failures = std::move(models.failures);
}

namespace {

ResolvedPath resolve_snapshot(Snapshot snapshot) {
  ResolvedPath resolved{
      .folder = snapshot_folder(std::move(snapshot)), .selections = {}, .whole_folder = true, .header_only = true};
  select_all(resolved);
  return resolved;
}

ResolvedPath resolve_standard_input() {
  ResolvedPath resolved = resolve_snapshot(read_header_stream(STDIN_FILENO));
  const bool is_header = resolved.folder.name == kStandardInputName;  // else a snapshot, with names of its own
  for (Selection& selection : resolved.selections) {
    if (is_header) selection.name = kStandardInputName;
  }
  return resolved;
}

// Whether it is the model of a manifest, and no projector, adapter or draft that goes with it.
bool is_store_model(const Selection& selection) { return selection.files.front().starts_with("model"); }

// `path`: how to show the manifest.
void add_ollama_model(const std::string& store, const std::string& manifest, const std::string& path,
                      ResolvedStore& resolved) {
  try {
    ResolvedPath model;
    model.folder = ollama_folder(store, read_ollama_manifest(store, manifest), resolved.failures);
    select_all(model);
    for (Selection& selection : model.selections) selection.name = model.folder.name;
    name_store_models(model, path);
    if (!model.selections.empty()) resolved.models.push_back(std::move(model));
  } catch (const Error& error) {
    resolved.failures.push_back({path, error.what(), error.offset});
  }
}

}  // namespace

void name_store_models(ResolvedPath& resolved, const std::string& manifest) {
  resolved.manifest = manifest;
  for (Selection& selection : resolved.selections) {
    if (!is_store_model(selection)) selection.name += '/' + selection.files.front();
  }
  std::stable_partition(resolved.selections.begin(), resolved.selections.end(), is_store_model);
}

ResolvedPath resolve_path(const std::string& path) {
  if (path == kStandardInput) return resolve_standard_input();
  if (is_remote(path)) return resolve_remote(path);
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) throw IoError("does not exist");
  if (fs::is_directory(status)) {
    ResolvedPath resolved{.folder = local_folder(path), .selections = {}, .whole_folder = true};
    select_all(resolved);
    if (!resolved.selections.empty()) return resolved;
    if (const std::string commit = current_commit_folder(path); !commit.empty()) {
      resolved.folder = local_folder(commit);
      select_all(resolved);
    }
    return resolved;
  }
  if (auto snapshot = open_snapshot(path)) return resolve_snapshot(std::move(*snapshot));
  const fs::path file(path);
  const std::string parent = file.parent_path().string();
  const std::string name = file.filename().string();
  ResolvedPath resolved{.folder = local_folder(parent.empty() ? "." : parent), .selections = {}};
  if (parent.empty()) resolved.folder.path.clear();
  if (!resolved.folder.has(name)) {  // a hidden file: the user named it, so it counts
    resolved.folder.names.push_back(name);
    std::ranges::sort(resolved.folder.names);
  }
  resolved.selections.push_back(select_for_file(resolved.folder, name));
  return resolved;
}

std::optional<ResolvedStore> resolve_store(const std::string& path) {
  std::error_code error;
  const bool is_folder = path != kStandardInput && fs::is_directory(path, error);
  const auto manifest = is_folder ? std::nullopt : ollama_manifest_at(path);
  const auto folder = is_folder ? ollama_store_at(path) : std::nullopt;
  if (!manifest && !folder) return std::nullopt;
  ResolvedStore resolved;
  if (manifest) {
    add_ollama_model(manifest->first, manifest->second, path, resolved);
    return resolved;
  }
  ResolvedPath beside{.folder = local_folder(path), .selections = {}, .whole_folder = true};
  select_all(beside);
  if (!beside.selections.empty()) resolved.models.push_back(std::move(beside));
  for (const std::string& name : list_ollama_manifests(*folder, resolved.failures)) {
    add_ollama_model(*folder, name, *folder + '/' + std::string(kOllamaManifests) + '/' + name, resolved);
  }
  return resolved;
}

std::string shown_path(const ResolvedPath& resolved, const Selection& selection, const std::string& path) {
  const std::string& first = selection.files.front();
  if (!resolved.manifest.empty()) {
    // The manifest stands for the model, blobs for what goes with it: projectors, adapters, drafts.
    return is_store_model(selection) || resolved.selections.size() == 1 ? resolved.manifest
                                                                        : resolved.folder.path_of(first);
  }
  return resolved.selections.size() == 1 && resolved.failures.empty() ? path : resolved.folder.path_of(first);
}

std::string explain_no_model(const Folder& folder) {
  const auto first_of = [&](auto matches) { return std::ranges::find_if(folder.names, matches); };
  const auto below = [&](std::string_view name) {
    return std::ranges::any_of(folder.names, [&](const std::string& n) { return n.starts_with(name); });
  };
  if (below("blobs/sha256-")) return "is a store of blobs, as Ollama keeps it, without a manifest that names a model";
  const auto pickle = first_of(is_pickle_name);
  const auto deeper =
      first_of([](const std::string& name) { return name.find('/') != std::string::npos && is_weights_name(name); });
  if (deeper != folder.names.end()) {
    return "holds no GGUF or safetensors file itself; the folder " + quote(deeper->substr(0, deeper->find('/'))) +
           " in it does";
  }
  if (pickle != folder.names.end()) {
    return "holds no GGUF or safetensors file, only pickles such as " + quote(*pickle) +
           ", which are not read: loading one can run any code";
  }
  return "holds no GGUF or safetensors file";
}

}  // namespace weigh::core
