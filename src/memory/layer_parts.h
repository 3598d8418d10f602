#pragma once

#include "src/memory/run_model.h"

namespace weigh::core {

/// Fills each layer's mixer and parts: from the tensors of a GGUF model, else from what its architecture's row says.
/// Widths that tensors show replace those of the keys.
void read_layer_parts(const Model& source, RunModel& model);

}  // namespace weigh::core
