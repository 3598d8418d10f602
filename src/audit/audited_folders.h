#pragma once

#include <string>
#include <vector>

namespace weigh::core {

/// The folders to audit at and below `root`, in the order of their paths: those with model files, indices or pickles. A
/// pipeline and a store of Ollama count as one, with all that is in them. Links to folders are not followed, hidden folders not looked into.
/// `root` alone where there is none, and where it is a file. A folder that cannot be listed is among them: its audit says why.
std::vector<std::string> audited_folders(const std::string& root);

}  // namespace weigh::core
