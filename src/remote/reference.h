#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/remote/url.h"

namespace weigh::core {

// What a user may write for a model that is not on this machine (docs/sources.md).

enum class RemoteKind : std::uint8_t { HuggingFace, ModelScope, Ollama, S3, Web };

/// A reference, taken apart. What a kind does not have is empty.
struct Reference {
  RemoteKind kind = RemoteKind::Web;
  std::string type = {};                  ///< Hugging Face: "models", "datasets", "spaces"
  std::string host = {};                  ///< Ollama: "registry.ollama.ai"
  std::string name = {};                  ///< "ORG/NAME", Ollama's "NAMESPACE/MODEL", the bucket
  std::string revision = {};              ///< branch, tag or commit, Ollama's tag; empty: the usual one
  std::string path = {};                  ///< below that, without a '/' at its ends; S3: key or prefix
  std::optional<Url> url = std::nullopt;  ///< of a plain file; of Ollama's registry
};

/// Nothing for what is a path or a name on this machine. Throws IoError for what begins like a reference and is none.
std::optional<Reference> parse_reference(std::string_view named);

/// In the shortest form that leads to the same: "hf://org/repo@v1/sub/model.gguf".
std::string text_of(const Reference& reference);

/// The address of Hugging Face: HF_ENDPOINT, without a '/' at its end. Throws IoError when it is no web address.
Url hub_endpoint();

/// The whole address of a path below an endpoint, which may have a path itself. `path` is escaped and begins with '/'.
Url below(const Url& endpoint, std::string_view path, std::string query = {});

}  // namespace weigh::core
