#pragma once

#include <string>
#include <vector>

#include "src/checkpoint/ollama_store.h"
#include "src/scan/first_name_wins.h"
#include "src/scan/list_folder.h"
#include "src/scan/store_layouts.h"
#include "src/scan/walk_reporter.h"

namespace weigh::core {

/// Which files of a folder are looked at for models.
enum class Names : std::uint8_t {
  OfModels,  ///< named as models are, or without a telling name and with a GGUF file's first bytes
  Any,       ///< the user named the files: their first bytes tell
};

/// Puts together what a folder holds that may be models, and what changes what is said of them.
class ModelGatherer {
 public:
  ModelGatherer(WalkReporter& reporter, FirstNames& names) : reporter_(reporter), names_(names) {}

  PendingFolder gather_folder(const FolderLocation& location, const FolderListing& listing,
                              Names names = Names::OfModels);

  /// A model of an Ollama store: its blobs under the names of its manifest.
  PendingFolder gather_ollama_model(const std::string& store, const OllamaModel& model);

 private:
  /// Files in one folder: `prefix` is "" or, in a pipeline, "PART/".
  struct Group {
    const std::vector<std::string>& files;
    const FolderListing& listing;
    std::string prefix;
    bool are_links;
    Names names;
  };
  void add_model_files(const Group& group, PendingFolder& pending);
  void add_unclear_file(const Group& group, const std::string& name, const FileStatus& status, PendingFolder& pending);
  void add_side_files(const std::string& prefix, const FolderListing& listing, PendingFolder& pending);
  void add_pipeline_part(const FolderLocation& pipeline, const std::string& part, bool is_link, PendingFolder& pending);
  void add_unreadable(const std::string& name, const std::string& why, PendingFolder& pending);
  void add_file(std::string name, const FileStatus& status, bool is_link, PendingFolder& pending);

  WalkReporter& reporter_;
  FirstNames& names_;
};

}  // namespace weigh::core
