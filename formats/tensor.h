#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "formats/dtype.h"

namespace weigh::core {

/// One tensor of a file's header. Name and shape are views into the ModelFile that holds it.
struct Tensor {
  std::string_view name;
  Dtype dtype = Dtype::Unknown;
  std::span<const std::uint64_t> shape;  ///< outermost dimension first; empty for a scalar
  std::uint64_t elements = 1;            ///< product of the shape: what is stored
  std::uint64_t offset = 0;              ///< bytes from the start of the data area
  std::uint64_t bytes = 0;  ///< from dtype and shape; for a dtype of unknown size, what lies up to the next tensor
};

}  // namespace weigh::core
