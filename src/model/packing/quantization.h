#pragma once

#include <optional>
#include <span>
#include <vector>

#include "src/model/model.h"

namespace weigh::core {

/// Fills in each tensor's logical parameters and says which scheme holds most of the weights; nothing where none is
/// packed. `facts` are all of the checkpoint's tensors.
std::optional<Quantization> count_parameters(const Checkpoint& checkpoint, std::span<TensorFacts> facts,
                                             std::vector<Finding>& findings);

/// A warning where most of the weights are integers that no scheme accounts for, or where the width of any is not
/// told: those have stored elements for parameters, and are marked so. Whether there are such. `facts` have their
/// roles.
bool report_unknown_packing(const Checkpoint& checkpoint, std::span<TensorFacts> facts, std::vector<Finding>& findings);

}  // namespace weigh::core
