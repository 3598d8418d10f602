#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/checkpoint/selection.h"
#include "src/source/folder.h"

namespace weigh::core {

/// What one path names, before any model file is opened.
struct ResolvedPath {
  Folder folder;
  std::vector<Selection> selections;
  std::vector<FolderModels::Failure> failures = {};
  bool whole_folder = false;  ///< the path is a folder or a snapshot: everything in it is meant
  bool header_only = false;
  std::string manifest = {};  ///< of a model in an Ollama store: the path of its manifest; empty elsewhere
};

/// `path` is one that locate_model() gave; "-" is standard input, "hf://..." and its like are asked for. Throws Error when there is no such path, or nothing but an index that cannot be read.
ResolvedPath resolve_path(const std::string& path);

/// The models of an Ollama store, each under the name that Ollama has for it.
struct ResolvedStore {
  std::vector<ResolvedPath>
      models;                     ///< those of its manifests, after files beside the store that are models themselves
  std::vector<Failure> failures;  ///< manifests and blobs that cannot be read
};

/// Nothing when the path is no such store, no folder that has one as "models", and no manifest of one. Throws Error when
/// the folder cannot be listed.
std::optional<ResolvedStore> resolve_store(const std::string& path);

/// Selects all that is in the folder. Throws Error where nothing but an index that cannot be read is there.
void select_all(ResolvedPath& resolved);

/// For a model of Ollama whose selections have its name: the model itself first, and what goes with it (projectors,
/// adapters, drafts) by its file too. `manifest`: how to show it.
void name_store_models(ResolvedPath& resolved, const std::string& manifest);

/// How to show one of the models that `path` names: by a path that leads to it.
std::string shown_path(const ResolvedPath& resolved, const Selection& selection, const std::string& path);

/// Why a folder without selections has none: a sentence.
std::string explain_no_model(const Folder& folder);

}  // namespace weigh::core
