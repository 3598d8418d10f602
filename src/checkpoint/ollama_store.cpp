#include "src/checkpoint/ollama_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "formats/error.h"
#include "formats/path.h"
#include "formats/text.h"
#include "src/checkpoint/parse_json.h"

namespace weigh::core {

namespace {

namespace fs = std::filesystem;

constexpr int kManifestDepth = 3;  // folders above a manifest: HOST/NAMESPACE/MODEL

// The path of "sha256:HEX" in the store. A digest is not a path: anything else is refused.
std::string blob_of(const std::string& store, const std::string& digest) {
  std::string name = digest;
  if (const auto colon = name.find(':'); colon != std::string::npos) name[colon] = '-';
  if (name == digest || !is_ollama_blob_name(name)) {
    throw FormatError(fault("digest", quote(digest), "sha256: and 64 hex digits"));
  }
  return fmt::format("{}/{}/{}", store, kOllamaBlobs, name);
}

// Layers of a kind, and what their files are called here.
struct LayerKind {
  std::string_view kind;
  std::string_view stem;
  std::string_view suffix;
};
constexpr std::array kLayerKinds{LayerKind{"model", "model", ".gguf"}, LayerKind{"projector", "mmproj", ".gguf"},
                                 LayerKind{"adapter", "adapter", ".gguf"}, LayerKind{"draft", "draft", ".gguf"},
                                 LayerKind{"tensor", "model", ".safetensors"}};

std::string layer_text(const nlohmann::json& layer, const char* key) {
  if (!layer.is_object()) return {};
  const auto found = layer.find(key);
  return found != layer.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool is_layer(const nlohmann::json& layer, std::string_view kind) {
  return layer_text(layer, "mediaType") == fmt::format("application/vnd.ollama.image.{}", kind);
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

bool is_ollama_blob_name(std::string_view name) {
  constexpr std::string_view kPrefix = "sha256-";
  constexpr std::size_t kDigits = 64;
  return name.starts_with(kPrefix) && name.size() == kPrefix.size() + kDigits && is_hex(name.substr(kPrefix.size()));
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
  const auto layers = json.value->is_object() ? json.value->find("layers") : json.value->end();
  if (layers == json.value->end() || !layers->is_array()) {
    throw FormatError("no manifest of Ollama: expected JSON with layers");
  }
  std::set<std::string> weights;
  for (const LayerKind& kind : kLayerKinds) {
    std::vector<std::string> blobs;
    for (const auto& layer : *layers) {
      if (!is_layer(layer, kind.kind)) continue;
      std::string blob = blob_of(store, layer_text(layer, "digest"));
      if (weights.insert(blob).second) blobs.push_back(std::move(blob));
    }
    for (std::size_t i = 0; i < blobs.size(); ++i) {
      const std::string part = blobs.size() == 1 ? "" : fmt::format("-{:05}-of-{:05}", i + 1, blobs.size());
      model.files.emplace_back(fmt::format("{}{}{}", kind.stem, part, kind.suffix), blobs[i]);
    }
  }
  std::set<std::string> names;
  for (const auto& layer : *layers) {
    const std::string name = layer_text(layer, "name");
    // A side file: it may not take the name of the weights.
    if (!is_layer(layer, "json") || !name.ends_with(".json") || !stays_inside(name)) continue;
    if (names.insert(name).second) model.files.emplace_back(name, blob_of(store, layer_text(layer, "digest")));
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
