#include "src/scan/store_layouts.h"

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
#include "src/model/config.h"
#include "src/scan/file_kinds.h"
#include "src/source/file_names.h"
#include "src/source/folder.h"
#include "src/source/hub_cache.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kMaxManifestBytes = std::uint64_t{4} << 20;

std::string read_text(const std::string& path, std::uint64_t most) {
  FileSource file(path);
  if (file.size() > most) {
    throw FormatError(fault("size", std::to_string(file.size()), fmt::format("at most {}", most)));
  }
  std::string text(static_cast<std::size_t>(file.size()), '\0');
  file.read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

// "registry.ollama.ai/library/llama3.2/1b" -> "llama3.2:1b", "hf.co/ORG/NAME/TAG" -> "hf.co/ORG/NAME:TAG".
std::string ollama_name(std::string_view manifest) {
  constexpr std::string_view kHost = "registry.ollama.ai/";
  constexpr std::string_view kNamespace = "library/";
  if (manifest.starts_with(kHost)) manifest.remove_prefix(kHost.size());
  if (manifest.starts_with(kNamespace)) manifest.remove_prefix(kNamespace.size());
  std::string name(manifest);
  if (const auto slash = name.rfind('/'); slash != std::string::npos) name[slash] = ':';
  return name;
}

// The path of "sha256:HEX" in the store. A digest is not a path: anything else is refused.
std::string blob_of(const std::string& store, std::string_view digest) {
  constexpr std::string_view kSha256 = "sha256:";
  if (!digest.starts_with(kSha256) || digest.size() != kSha256.size() + 64 || !is_hex(digest.substr(kSha256.size()))) {
    throw FormatError(fault("digest", quote(digest), "sha256: and 64 hex digits"));
  }
  return fmt::format("{}/blobs/sha256-{}", store, digest.substr(kSha256.size()));
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

std::string lm_studio_owner(std::string_view path) {
  for (const std::string_view root : {"/.lmstudio/models/", "/.cache/lm-studio/models/"}) {
    const auto at = path.rfind(root);
    if (at == std::string_view::npos) continue;
    const std::string_view rest = path.substr(at + root.size());
    if (rest.find('/') != std::string_view::npos) return std::string(rest);
  }
  return {};
}

std::string layer_text(const nlohmann::json& layer, const char* key) {
  const auto found = layer.is_object() ? layer.find(key) : layer.end();
  return layer.is_object() && found != layer.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool is_layer(const nlohmann::json& layer, std::string_view kind) {
  return layer_text(layer, "mediaType") == fmt::format("application/vnd.ollama.image.{}", kind);
}

}  // namespace

std::string_view store_name(Store store) {
  constexpr std::array<std::string_view, 4> kNames{"", "huggingface", "ollama", "lmstudio"};
  return kNames[static_cast<std::size_t>(store)];
}

bool is_repository(const FolderLocation& folder, const FolderListing& listing) {
  return repository_of(base_name(folder.absolute)) &&
         (listing.has_folder(std::string(kHubSnapshots)) || listing.has_folder(std::string(kHubBlobs)));
}

std::vector<std::string> commits_of(const std::string& repository_folder) {
  const std::string snapshots = joined(repository_folder, std::string(kHubSnapshots));
  if (std::string commit = main_commit(repository_folder); !commit.empty() && status_of(joined(snapshots, commit))) {
    return {std::move(commit)};
  }
  if (!status_of(snapshots)) return {};  // a download that has only begun
  return list_folder(snapshots).folders;
}

Owner owner_of(std::string_view path) {
  if (const auto hub = hub_path_of(path)) {
    return {Store::HuggingFace, hub->inside.empty() ? hub->repository : hub->repository + '/' + hub->inside};
  }
  if (std::string name = lm_studio_owner(path); !name.empty()) return {Store::LmStudio, std::move(name)};
  return {};
}

FolderLocation locate_folder(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path spelt = fs::absolute(path.empty() ? "." : path, error).lexically_normal();
  if (error) return {path, path};
  FolderLocation location{path, without_end_slashes(spelt.string())};
  if (const fs::path real = fs::canonical(spelt, error); !error && owner_of(location.absolute) == Owner{}) {
    if (owner_of(real.string()) != Owner{}) location.absolute = real.string();
  }
  return location;
}

bool is_ollama_store(const FolderListing& listing) {
  return listing.has_folder("manifests") && listing.has_folder("blobs");
}

OllamaModel read_ollama_manifest(const std::string& store, const std::string& manifest) {
  OllamaModel model{ollama_name(manifest), {}};
  const auto json = parse_json(read_text(store + "/manifests/" + manifest, kMaxManifestBytes));
  const auto* layers = json ? member(*json, "layers") : nullptr;
  if (layers == nullptr || !layers->is_array()) {
    throw FormatError("no manifest of Ollama: expected JSON with layers");
  }
  for (const LayerKind& kind : kLayerKinds) {
    std::vector<std::string> blobs;
    for (const auto& layer : *layers) {
      if (is_layer(layer, kind.kind)) blobs.push_back(blob_of(store, layer_text(layer, "digest")));
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

}  // namespace weigh::core
