#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/checkpoint/checkpoint.h"
#include "src/checkpoint/shard_index.h"
#include "src/source/file_names.h"
#include "src/source/folder.h"

namespace weigh::core {

/// Which files make up one model, before any is opened.
struct Selection {
  std::string name;  ///< to show
  CheckpointKind kind = CheckpointKind::Model;
  std::string component;                    ///< of a pipeline: its name there, "text_encoder"
  std::vector<std::string> files;           ///< names in the folder, in order
  std::shared_ptr<const ShardIndex> index;  ///< the index.json that lists them; null without one
  std::string index_name;                   ///< that index, or one that is named in a finding; empty without one
  std::vector<std::string> missing;         ///< names of parts that are not there, at most a few
  std::uint64_t missing_count = 0;
  std::vector<Finding> findings;  ///< `files` of a finding are names in the folder
};

/// What a folder holds, where one broken index does not hide the rest.
struct FolderModels {
  struct Failure {
    std::string prefix;        ///< the folder inside with '/' after it; empty for the folder itself
    std::exception_ptr error;  ///< an Error
  };
  std::vector<Selection> selections;
  std::vector<Failure> failures;  ///< whose safetensors files are in no selection
};

/// The models of a folder, each file in at most one (docs/formats.md 4). Files that are left out are named in findings:
/// copies of the same weights, variants, adapters. An index that cannot be read is a failure.
FolderModels select_all_models(const Folder& folder);

/// The same; throws Error when an index cannot be read.
std::vector<Selection> select_models(const Folder& folder);

/// The GGUF files of a folder inside ("Q4_K_M/", "" for the folder itself): split sets, then what stands alone.
std::vector<Selection> select_ggufs(const Folder& folder, std::string_view prefix);

/// The model that one named file belongs to: the set of an index.json, its split or sharded set, or the file itself.
Selection select_for_file(const Folder& folder, const std::string& name);

}  // namespace weigh::core
