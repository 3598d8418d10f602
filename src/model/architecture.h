#pragma once

#include <optional>
#include <span>
#include <vector>

#include "src/model/model.h"

namespace weigh::core {

/// From GGUF keys or config.json; what they leave open from the shapes, as far as shapes tell.
Architecture read_architecture(const Checkpoint& checkpoint, std::span<const TensorFacts> facts);

/// Whether the head is the token embedding: because none is stored, or because the config says so, in which case a
/// stored copy's parameters are set to 0. Nothing without a token embedding. Needs the roles.
std::optional<bool> decide_tied_head(const Checkpoint& checkpoint, std::span<TensorFacts> facts,
                                     std::vector<Finding>& findings);

}  // namespace weigh::core
