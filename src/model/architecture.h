#pragma once

#include <span>

#include "src/model/model.h"

namespace weigh {

/// From GGUF keys or config.json; what they leave open from the shapes, as far as shapes tell.
Architecture read_architecture(const Checkpoint& checkpoint, std::span<const Tensor* const> tensors,
                               std::span<const TensorFacts> facts);

}  // namespace weigh
