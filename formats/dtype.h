#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace weigh::core {

/// An element type: the index of its row in formats/dtype_table.inc.
enum class Dtype : std::uint8_t {
#define DTYPE(id, ...) id,
#include "formats/dtype_table.inc"
#undef DTYPE
};

enum class DtypeStatus : std::uint8_t {
  Current,
  Removed,  ///< ggml knew the id once and refuses it now
  Fork,     ///< written and read by the program in `origin` only
};

/// One row of the table: everything both formats know about an element type.
struct DtypeInfo {
  Dtype id;
  std::string_view name;              ///< as the field spells it: "BF16", "Q4_K", "F8_E4M3"
  std::uint32_t block_elements;       ///< 1 for plain types, 256 for K-quants; 0 when the size is not known
  std::uint32_t block_bits;           ///< bits, for safetensors has F4 and F6
  std::uint32_t row_bytes;            ///< added once per row along the innermost dimension
  std::uint32_t tensor_bytes;         ///< added once per tensor
  std::int32_t ggml_id;               ///< -1: not in GGUF
  std::string_view safetensors_name;  ///< empty: not in safetensors
  DtypeStatus status;
  std::string_view origin;  ///< the program that defines it
};

/// Every row, Dtype::Unknown first; row i has id i.
std::span<const DtypeInfo> dtypes();

const DtypeInfo& info(Dtype dtype);

/// The name as the field spells it; "unknown" for Dtype::Unknown.
std::string_view name(Dtype dtype);

/// All types that GGUF files use the id for, the likeliest first; empty when nobody does.
std::vector<Dtype> dtypes_with_ggml_id(std::uint32_t ggml_id);

/// By the exact, case-sensitive name of the safetensors specification.
std::optional<Dtype> dtype_from_safetensors(std::string_view name);

/// By name in any letter case: "q4_k", "bf16".
std::optional<Dtype> dtype_from_name(std::string_view name);

/// Product of the dimensions (1 for a scalar), multiplied left to right; nothing when it does not fit in 64 bits.
std::optional<std::uint64_t> element_count(std::span<const std::uint64_t> shape);

/// Exact bytes of a tensor, shape outermost first. Nothing when the dtype's size is unknown, when the innermost
/// dimension is not a multiple of its block, when the bits are not whole bytes, or when the size does not fit in 64
/// bits. It is never rounded up: both formats demand whole blocks (GGUF "Tensor info"; safetensors `MisalignedSlice`).
std::optional<std::uint64_t> tensor_bytes(Dtype dtype, std::span<const std::uint64_t> shape);

}  // namespace weigh::core
