#pragma once

#include <optional>

#include "formats/model_file.h"

namespace weigh::core {

/// What the format says of the data area, and how bad it is when a file does otherwise.
struct LayoutRules {
  std::uint64_t alignment = 1;      ///< each tensor starts at a multiple of it
  Severity hole = Severity::Error;  ///< bytes between two tensors, or after the last, that are no alignment padding
  std::optional<Severity> order;    ///< tensors that are not in the header's order; absent: any order is fine
};

/// Gives every byte of the data area an owner: sets padding_bytes, missing_bytes, shared_bytes and tensor_bytes of
/// `file`, and appends findings `tensor-overlap`, `data-hole`, `tensor-order`, `tensor-misaligned`, `truncated`,
/// `trailing-bytes`. Tensor sizes and header_bytes are already set; no end of a tensor exceeds 64 bits.
void check_layout(ModelFile& file, const LayoutRules& rules);

}  // namespace weigh::core
