#include "src/checkpoint/ollama_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "formats/error.h"
#include "src/source/parse_json.h"

namespace weigh::core {

namespace {

namespace fs = std::filesystem;

constexpr int kManifestDepth = 3;  // folders above a manifest: HOST/NAMESPACE/MODEL

// The path of "sha256:HEX" in the store.
std::string blob_of(const std::string& store, std::string digest) {
  digest[digest.find(':')] = '-';
  return fmt::format("{}/{}/{}", store, kOllamaBlobs, digest);
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

void list_manifests(const std::string& store, const std::string& prefix, int depth, std::vector<std::string>& manifests,
                    std::vector<Failure>& failures) {
  fs::path folder = fs::path(store) / kOllamaManifests;
  if (!prefix.empty()) folder /= prefix.substr(0, prefix.size() - 1);
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    const fs::file_type type = entry->symlink_status(ignored).type();
    const std::string name = entry->path().filename().string();
    const bool is_manifest = depth == kManifestDepth && type == fs::file_type::regular && !name.starts_with('.');
    if (is_manifest || (depth < kManifestDepth && type == fs::file_type::directory)) names.push_back(name);
  }
  if (error) {
    failures.push_back({folder.string(), "the folder cannot be listed: " + error.message(), std::nullopt});
  }
  std::ranges::sort(names);
  for (const std::string& name : names) {
    if (depth == kManifestDepth) {
      manifests.push_back(prefix + name);
    } else {
      list_manifests(store, prefix + name + '/', depth + 1, manifests, failures);
    }
  }
}

}  // namespace

std::string ollama_name(std::string_view manifest) {
  constexpr std::string_view kHost = "registry.ollama.ai/";
  constexpr std::string_view kNamespace = "library/";
  if (manifest.starts_with(kHost)) manifest.remove_prefix(kHost.size());
  if (manifest.starts_with(kNamespace)) manifest.remove_prefix(kNamespace.size());
  std::string name(manifest);
  if (const auto slash = name.rfind('/'); slash != std::string::npos) name[slash] = ':';
  return name;
}

std::optional<std::string> ollama_store_at(const std::string& folder) {
  for (const fs::path& store : {fs::path(folder), fs::path(folder) / "models"}) {
    if (is_folder(store / kOllamaManifests) && is_folder(store / kOllamaBlobs)) {
      std::string path = store.string();
      while (path.size() > 1 && path.ends_with('/')) path.pop_back();
      return path;
    }
  }
  return std::nullopt;
}

std::optional<std::pair<std::string, std::string>> ollama_manifest_at(const std::string& file) {
  fs::path folder = fs::path(file).lexically_normal();
  std::string manifest = folder.filename().string();
  for (int depth = 0; depth < kManifestDepth; ++depth) {
    folder = folder.parent_path();
    manifest = folder.filename().string() + '/' + manifest;
  }
  folder = folder.parent_path();
  const fs::path store = folder.has_parent_path() ? folder.parent_path() : ".";
  std::error_code error;
  if (folder.filename() != kOllamaManifests || !is_folder(store / kOllamaBlobs)) return std::nullopt;
  if (!fs::is_regular_file(file, error)) return std::nullopt;
  return std::pair(store.string(), manifest);
}

std::vector<std::string> list_ollama_manifests(const std::string& store, std::vector<Failure>& failures) {
  std::vector<std::string> manifests;
  list_manifests(store, "", 0, manifests, failures);
  return manifests;
}

OllamaModel read_ollama_manifest(const std::string& store, const std::string& manifest) {
  OllamaModel model{ollama_name(manifest), {}};
  FileSource file(fmt::format("{}/{}/{}", store, kOllamaManifests, manifest));
  const ParsedJson json = read_json(file, kConfigJson);
  if (!json) throw FormatError(fault("no manifest of Ollama", json.problem, "JSON with layers"));
  for (OllamaLayer& layer : ollama_layers(*json.value)) {
    model.files.emplace_back(std::move(layer.name), blob_of(store, std::move(layer.digest)));
  }
  return model;
}

Folder ollama_folder(const std::string& store, const OllamaModel& model, std::vector<Failure>& failures) {
  Folder folder;
  folder.path = store;
  folder.name = model.name;
  for (const auto& [name, blob] : model.files) {
    std::error_code error;
    if (fs::is_regular_file(blob, error)) {
      folder.places[name] = blob;
      folder.names.push_back(name);
    } else {
      failures.push_back({blob, fmt::format("a layer of {} is missing", model.name), std::nullopt});
    }
  }
  std::ranges::sort(folder.names);
  open_from_disk(folder);
  return folder;
}

}  // namespace weigh::core
