#pragma once

#include <string>
#include <vector>

namespace weigh::core {

// One repository of the Hugging Face cache, by its folder "models--ORG--NAME" (docs/formats.md 5.1).

/// The commit that refs/main of a repository's folder ("models--ORG--NAME") in the Hugging Face cache names; empty when it
/// names none.
std::string main_commit(const std::string& repository_folder);

/// The folder of the commit that counts: that of refs/main, else the only one there is. Empty where there is none, and
/// for any other folder.
std::string current_commit_folder(const std::string& repository_folder);

/// The folder of the commit that a revision names: a branch or tag that was downloaded, or the first digits of a commit,
/// at least four. Empty when it names none, or several.
std::string commit_folder(const std::string& repository_folder, const std::string& revision);

/// What a revision may be here: the names in refs/, then commits that none of them names, cut to 12 digits.
std::vector<std::string> revisions_of(const std::string& repository_folder);

}  // namespace weigh::core
