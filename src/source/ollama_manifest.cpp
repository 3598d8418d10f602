#include "src/source/ollama_manifest.h"

#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "formats/error.h"
#include "formats/path.h"
#include "formats/text.h"
#include "src/source/parse_json.h"

namespace weigh::core {

namespace {

// Layers of a kind, and what their files are called here.
struct LayerKind {
  std::string_view kind;
  std::string_view stem;
  std::string_view suffix;
};
constexpr std::array kLayerKinds{LayerKind{"model", "model", ".gguf"}, LayerKind{"projector", "mmproj", ".gguf"},
                                 LayerKind{"adapter", "adapter", ".gguf"}, LayerKind{"draft", "draft", ".gguf"},
                                 LayerKind{"tensor", "model", ".safetensors"}};

bool is_layer(const nlohmann::json& layer, std::string_view kind) {
  return text_in(layer, "mediaType") == "application/vnd.ollama.image." + std::string(kind);
}

std::string number_of(std::size_t number) {
  const std::string digits = std::to_string(number);
  return std::string(5 - std::min<std::size_t>(5, digits.size()), '0') + digits;
}

// A digest is not a path: anything else is refused.
OllamaLayer layer_of(std::string name, const nlohmann::json& layer) {
  OllamaLayer result{std::move(name), text_in(layer, "digest"), std::nullopt};
  std::string blob = result.digest;
  if (const auto colon = blob.find(':'); colon != std::string::npos) blob[colon] = '-';
  if (blob == result.digest || !is_ollama_blob_name(blob)) {
    throw FormatError(fault("digest", quote(result.digest), "sha256: and 64 hex digits"));
  }
  if (const auto size = layer.find("size"); size != layer.end() && size->is_number_unsigned()) {
    result.bytes = size->get<std::uint64_t>();
  }
  return result;
}

}  // namespace

bool is_ollama_blob_name(std::string_view name) {
  constexpr std::string_view kPrefix = "sha256-";
  constexpr std::size_t kDigits = 64;
  return name.starts_with(kPrefix) && name.size() == kPrefix.size() + kDigits && is_hex(name.substr(kPrefix.size()));
}

std::vector<OllamaLayer> ollama_layers(const nlohmann::json& manifest) {
  const auto layers = manifest.is_object() ? manifest.find("layers") : manifest.end();
  if (layers == manifest.end() || !layers->is_array()) {
    throw FormatError("no manifest of Ollama: expected JSON with layers");
  }
  std::vector<OllamaLayer> files;
  std::set<std::string> weights;
  for (const LayerKind& kind : kLayerKinds) {
    std::vector<OllamaLayer> blobs;
    for (const auto& layer : *layers) {
      if (!is_layer(layer, kind.kind)) continue;
      OllamaLayer blob = layer_of({}, layer);
      if (weights.insert(blob.digest).second) blobs.push_back(std::move(blob));
    }
    for (std::size_t i = 0; i < blobs.size(); ++i) {
      const std::string part = blobs.size() == 1 ? "" : "-" + number_of(i + 1) + "-of-" + number_of(blobs.size());
      blobs[i].name = std::string(kind.stem) + part + std::string(kind.suffix);
      files.push_back(std::move(blobs[i]));
    }
  }
  std::set<std::string> names;
  for (const auto& layer : *layers) {
    const std::string name = text_in(layer, "name");
    // A side file: it may not take the name of the weights.
    if (!is_layer(layer, "json") || !name.ends_with(".json") || !stays_inside(name)) continue;
    if (names.insert(name).second) files.push_back(layer_of(name, layer));
  }
  return files;
}

}  // namespace weigh::core
