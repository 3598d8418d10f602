#pragma once

#include <string>

namespace weigh::core {

/// The commit that refs/main of a repository's folder ("models--ORG--NAME") in the Hugging Face cache names; empty when it
/// names none.
std::string main_commit(const std::string& repository_folder);

}  // namespace weigh::core
