#pragma once

#include <optional>
#include <span>
#include <vector>

#include "src/model/model.h"
#include "src/model/naming/name_reader.h"

namespace weigh::core {

/// The mixture of experts, from names and shapes first, metadata or config second; nothing for a dense model. Marks the
/// routed tensors in `facts`, whose parameters are known already.
std::optional<Experts> find_experts(const Checkpoint& checkpoint, const ReadNames& names, std::span<TensorFacts> facts,
                                    std::vector<Finding>& findings);

}  // namespace weigh::core
