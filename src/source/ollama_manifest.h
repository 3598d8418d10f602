#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Manifests of Ollama, in its store and on its registry (docs/formats.md 5.2).

namespace weigh::core {

/// A file of a model: what it is called here, and the blob that it is.
struct OllamaLayer {
  std::string name;    ///< "model.gguf", "mmproj.gguf", "model-00001-of-00300.safetensors", "config.json"
  std::string digest;  ///< "sha256:" and 64 hex digits
  std::optional<std::uint64_t> bytes;
};

/// "sha256-" and 64 hex digits.
bool is_ollama_blob_name(std::string_view name);

/// The layers that hold weights or configs; each name once, each blob of weights once. Throws FormatError for what is no
/// manifest, or names a blob by anything but a digest.
std::vector<OllamaLayer> ollama_layers(const nlohmann::json& manifest);

}  // namespace weigh::core
