#pragma once

#include <optional>
#include <set>
#include <string>

#include "src/source/folder.h"

namespace weigh::core {

/// The components of a diffusers pipeline that have weights, by the names of their folders, as model_index.json lists
/// them. Nothing when that file is absent, cannot be read or lists none.
std::optional<std::set<std::string>> pipeline_components(const Folder& folder);

}  // namespace weigh::core
