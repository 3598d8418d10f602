#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "src/checkpoint/checkpoint.h"

namespace weigh::core {

/// Bits per weight and weights per scale, as a config states them.
struct StatedBits {
  std::optional<std::uint64_t> bits;
  std::optional<std::uint64_t> group_size;
};

/// What the JSON beside the tensors claims about their quantization. Views and pointers into the checkpoint's JSON.
struct QuantizationConfig {
  const nlohmann::json* section = nullptr;  ///< null when nothing claims a quantization
  std::string_view method;         ///< `quant_method`, "mlx" or "modelopt" where that key is not used; may be empty
  StatedBits all;                  ///< for every module that has no entry of its own
  std::vector<StatedBits> groups;  ///< compressed-tensors' config_groups

  /// What it says of one module: MLX keeps an entry per module that differs.
  [[nodiscard]] StatedBits of(std::string_view module) const;
};

/// From config.json in any of the places it is written to, else from the older files beside it.
QuantizationConfig read_quantization_config(const Checkpoint& checkpoint);

}  // namespace weigh::core
