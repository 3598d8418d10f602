#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/checkpoint/checkpoint.h"
#include "src/source/folder.h"
#include "src/source/ollama_manifest.h"

// Ollama's store: manifests/HOST/NAMESPACE/MODEL/TAG and blobs/sha256-HEX (docs/formats.md 5.2).

namespace weigh::core {

inline constexpr std::string_view kOllamaManifests = "manifests";
inline constexpr std::string_view kOllamaBlobs = "blobs";

/// A model of an Ollama store: what `ollama list` calls it, and its files under names that say what they are, with the
/// paths of their blobs.
struct OllamaModel {
  std::string name;                                        ///< "llama3.2:1b"
  std::vector<std::pair<std::string, std::string>> files;  ///< name and path; each name once, each blob of weights once
};

/// What Ollama calls a manifest: "registry.ollama.ai/library/llama3.2/1b" -> "llama3.2:1b", "hf.co/ORG/NAME/TAG" ->
/// "hf.co/ORG/NAME:TAG".
std::string ollama_name(std::string_view manifest);

/// The store at a path that a user names: the folder with manifests/ and blobs/ itself, or the one that has it as
/// "models" (~/.ollama). Nothing for any other folder.
std::optional<std::string> ollama_store_at(const std::string& folder);

/// The store and HOST/NAMESPACE/MODEL/TAG of a file that is a manifest by its place; nothing for any other file.
std::optional<std::pair<std::string, std::string>> ollama_manifest_at(const std::string& file);

/// The manifests of a store, HOST/NAMESPACE/MODEL/TAG each, sorted folder by folder; links are not followed. What cannot
/// be listed is a failure.
std::vector<std::string> list_ollama_manifests(const std::string& store, std::vector<Failure>& failures);

/// Reads manifests/HOST/NAMESPACE/MODEL/TAG of the store, up to 1 MiB. Throws Error when it is damaged, or names a blob
/// by anything but a digest.
OllamaModel read_ollama_manifest(const std::string& store, const std::string& manifest);

/// The model's files that are there, ready for select_models(); of those that are not, failures.
Folder ollama_folder(const std::string& store, const OllamaModel& model, std::vector<Failure>& failures);

}  // namespace weigh::core
