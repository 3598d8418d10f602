#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "src/scan/walk.h"

namespace weigh::core {

/// A folder on its way to the visitor, while some of its files may turn out to be others by another name.
struct PendingFolder {
  FoundFolder found;
  bool has_models = false;
  /// Indices of files with several hard links: decided in their turn among the folders below. Sorted by name.
  std::vector<std::size_t> hard_links;
  /// Indices of files that are links: decided when all real files are.
  std::vector<std::size_t> links;
  /// Folders in it whose weights belong to its pipeline and are no models of their own.
  std::set<std::string> pipeline_parts;
};

/// Which name of a file counts: the first one that is claimed. FoundFile::first says whether it was.
class FirstNames {
 public:
  void claim(FoundFile& file);

  /// Whether any name of the file was claimed.
  [[nodiscard]] bool is_claimed(const FileKey& file) const { return files_.contains(file); }

  /// Those of the folder's hard links that come before the folder `name` in it.
  void claim_hard_links_before(const std::string& name, PendingFolder& pending);
  /// All that are left of them.
  void claim_hard_links(PendingFolder& pending);

  void claim_links(PendingFolder& pending);

 private:
  FileKeys files_;
};

}  // namespace weigh::core
