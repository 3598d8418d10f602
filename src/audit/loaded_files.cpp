#include "src/audit/loaded_files.h"

#include "formats/error.h"

namespace weigh::core {

const std::vector<LoadedFile>& LoadedFiles::find(const Folder& folder, const std::vector<std::string>& names,
                                                 const std::function<bool(const std::string&)>& passed_over) {
  if (files_) return *files_;
  files_.emplace();
  for (const std::string& name : names) {
    if (passed_over(name)) continue;
    try {
      LoadedCode code = find_loaded_code(*folder.open(name), left_);
      if (!code.empty()) files_->push_back({name, std::move(code)});
    } catch (const Error&) {
      continue;
    }
  }
  return *files_;
}

}  // namespace weigh::core
