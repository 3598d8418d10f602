#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "src/scan/row.h"

namespace weigh::core {

/// The JSON of a MODEL that others wrote: a line of another scan. Throws FormatError when it is no JSON, or is larger,
/// deeper or of more values than any MODEL.
nlohmann::ordered_json parse_model_line(std::string_view text);

/// The row of a MODEL as weigh writes it: of a line in an inventory or from another scan. Unknown keys are passed over.
/// Throws FormatError when it is none, or when a count is no whole number.
ScanRow row_from_line(std::string_view line);

/// Throws FormatError when a MODEL has counts that no model can have: more than 2^63 - 1, more active parameters than
/// all, sums that are not those of their parts.
void check_counts(const nlohmann::ordered_json& model);

}  // namespace weigh::core
