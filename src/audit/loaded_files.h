#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "src/audit/loaded_code.h"
#include "src/source/folder.h"

namespace weigh::core {

struct LoadedFile {
  std::string name;
  LoadedCode code;  ///< not empty
};

/// The files of a folder that run something when they are loaded. Looked for once, for whoever asks first.
class LoadedFiles {
 public:
  /// Whether so much was packed that some files were not looked into to their end.
  [[nodiscard]] bool is_spent() const { return left_ == 0; }

  /// Among `names` of the folder, but for those that are passed over. What cannot be read is left out.
  const std::vector<LoadedFile>& find(const Folder& folder, const std::vector<std::string>& names,
                                      const std::function<bool(const std::string&)>& passed_over);

 private:
  std::optional<std::vector<LoadedFile>> files_;
  std::uint64_t left_ = std::uint64_t{512} << 20U;  // bytes to unpack, of all files
};

}  // namespace weigh::core
