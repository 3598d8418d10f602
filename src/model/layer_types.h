#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "src/model/config.h"

namespace weigh::core {

/// What a layer of a hybrid does with its tokens.
enum class LayerType : std::uint8_t {
  Attention,    ///< sees everything
  Sliding,      ///< attention within a window or a chunk
  Recurrent,    ///< keeps a state: state space, linear attention, short convolution
  FeedForward,  ///< keeps nothing: a dense or a mixture of experts, alone in its layer
};

/// The types of `layers` layers by config.json, in whichever of the known ways it states them. Empty when it states
/// none, or states other than that many.
std::vector<LayerType> layer_types(const ConfigReader& config, std::uint64_t layers);

}  // namespace weigh::core
