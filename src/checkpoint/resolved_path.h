#pragma once

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
};

/// Throws Error when there is no such path, or nothing but an index that cannot be read.
ResolvedPath resolve_path(const std::string& path);

/// Why a folder without selections has none: a sentence.
std::string explain_no_model(const Folder& folder);

}  // namespace weigh::core
