#pragma once

#include <string>

#include "formats/snapshot.h"

namespace weigh::core {

/// The headers of every model that `path` names, and the small files beside them that say more. Throws Error when there
/// is none.
Snapshot take_snapshot(const std::string& path);

}  // namespace weigh::core
