#pragma once

#include <vector>

#include "src/memory/architectures.h"
#include "src/model/hyperparameters.h"
#include "src/model/layer_types.h"
#include "src/model/model.h"

namespace weigh::core {

/// What the tensors of each of `layers` blocks of a GGUF show it to do. Empty where no block keeps a state: what a layer
/// of attention sees is for the keys to say.
std::vector<LayerType> shown_layer_types(const Model& source, std::size_t layers);

/// A row for an architecture that the table does not have, of the nearest family by its keys and tensors
/// (docs/memory-rules.md 5.6). `types` are those of its layers, empty where all are alike.
ArchitectureRule derived_rule(const Model& source, const Hyperparameters& keys, const std::vector<LayerType>& types);

}  // namespace weigh::core
