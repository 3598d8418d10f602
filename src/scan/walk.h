#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "src/checkpoint/checkpoint.h"
#include "src/scan/list_folder.h"
#include "src/scan/store_layouts.h"
#include "src/source/folder.h"

namespace weigh::core {

/// A file of a folder that is part of a model, or changes what is said of one.
struct FoundFile {
  std::string name;  ///< one of the folder's names
  FileStamp stamp;
  bool first = true;  ///< not met before by another name: real files before links to them, each in the order of paths
};

/// A folder with files that may be models.
struct FoundFolder {
  Folder folder;  ///< ready for select_models()
  Store store = Store::Folder;
  std::string owner;                    ///< what the store's owner calls it, "meta-llama/Llama-3.1-8B"; empty elsewhere
  std::vector<FoundFile> files;         ///< sorted by name
  std::vector<std::string> unreadable;  ///< names of models that are there, and of which nothing can be told now
  std::vector<std::string> other_commits;  ///< paths of model files that only other commits of the repository have
};

/// What a walk meets. All of it is called from the thread that walks.
struct Visitor {
  std::function<void(FoundFolder&&)> found;
  std::function<void(Failure&&)> failed;  ///< a folder that cannot be read: the walk goes on
  std::function<void(const std::string&)> closed =
      {};                                           ///< the path of a folder of whose models nothing can be told now
  std::function<bool(std::uint64_t files)> passed;  ///< that many files more were seen; false ends the walk
};

/// Walks the folders below `roots` in the order of their names, each folder once however many ways lead to it. Roots
/// that are files come after all folders: each with its set, one FoundFolder for those of one folder. Links come last:
/// links to folders, then the folders that hold links to files. A folder with files that have hard links comes after
/// the folders in it. Reads names, and first bytes only of files whose names say nothing; manifests of Ollama,
/// refs/main of repositories, and the index.json of a file that is a root. Does not enter what shows the kernel's data as
/// files, /dev and /run, wherever links or mounts lead there, unless /dev or /run is itself a root.
void walk(const std::vector<std::string>& roots, const Visitor& visitor);

}  // namespace weigh::core
