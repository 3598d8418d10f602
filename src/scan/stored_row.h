#pragma once

#include <nlohmann/json_fwd.hpp>

#include "src/scan/row.h"

namespace weigh::core {

/// The row of a MODEL as weigh writes it: of a line in an inventory or from another scan. Unknown keys are passed over.
/// Throws FormatError when it is none.
ScanRow row_from_json(const nlohmann::ordered_json& model);

}  // namespace weigh::core
