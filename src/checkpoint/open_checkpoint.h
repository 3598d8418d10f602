#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "src/checkpoint/checkpoint.h"
#include "src/checkpoint/selection.h"
#include "src/source/folder.h"

namespace weigh::core {

/// What one path holds. A bad file beside good ones is a failure, not an exception.
struct OpenResult {
  std::string path;  ///< where it lies, or as it was named when it was not found
  std::vector<Checkpoint> checkpoints;
  std::vector<Failure> failures;
  /// Of a diffusers pipeline: components that its model_index.json lists and whose weights are not in the folder.
  std::vector<std::string> missing_components;
};

/// Opens what a user names: a file, a split or sharded set by any one part or by its index, a folder, a snapshot, the
/// name that a store has for a model, or "-". The checkpoints' paths are where it was found. Never throws for what is wrong with the input: that is in `failures`.
OpenResult open_checkpoints(const std::string& named);

/// How headers of several GGUF files in one folder of a server are read.
enum class Vocabularies : std::uint8_t {
  Each,    ///< as each file has it: for whoever looks at words
  Shared,  ///< once, where files begin and end alike around it: they are one model in many types
};

/// Of what lies on a server: begins to read the headers of these models and the small files beside them, all at once.
void fetch_ahead(const Folder& folder, std::span<const Selection> selections, Vocabularies vocabularies);

/// In words: the path is that of the folder whose safetensors files are in no model.
Failure failure_of(const Folder& folder, const FolderModels::Failure& failure);

/// Opens the files that were selected in a folder. Throws Error when none of them can be read. The caller sets the
/// path.
Checkpoint open_selection(const Folder& folder, const Selection& selection);

}  // namespace weigh::core
