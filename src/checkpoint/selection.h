#pragma once

#include <cstdint>
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
  std::vector<std::string> missing;         ///< names of parts that are not there, at most a few
  std::uint64_t missing_count = 0;
  std::vector<Finding> findings;
};

/// The models of a folder, each file in at most one (docs/formats.md 4). Copies of the same
/// weights in other files are left out and named in a finding. Throws Error when an index cannot be read.
std::vector<Selection> select_models(const Folder& folder);

/// The model that one named file belongs to: the set of an index.json, its split or sharded set, or the file itself.
Selection select_for_file(const Folder& folder, const std::string& name);

}  // namespace weigh::core
