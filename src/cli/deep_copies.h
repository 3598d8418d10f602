#pragma once

#include <string>
#include <vector>

#include "src/cli/options.h"
#include "src/scan/inventory.h"

namespace weigh::core {

/// Reads the weights of all models that may be copies of each other, and writes down what they are: two rows with the
/// same weights_id hold the same bytes. Models that cannot be read are told, and stay without. Returns how many.
std::uint64_t compare_weights(std::vector<StoredModel>& models, unsigned threads, const Session& session, bool quiet);

}  // namespace weigh::core
