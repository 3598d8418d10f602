// Where in a tensor's bytes the floating-point numbers lie, and which of their bits make a NaN or an infinity.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>

#include "formats/tensor.h"

namespace weigh::core {

/// A floating-point encoding as masks over its bits. All masks are over the number as a little-endian file holds it.
struct FloatKind {
  std::uint8_t bytes;           ///< 1, 2, 4 or 8
  std::uint8_t word_bytes;      ///< what a big-endian file turns round; more than one word only in IQ1_M
  std::uint64_t special_mask;   ///< NaN or infinite: bits & special_mask == special_value
  std::uint64_t special_value;  //
  std::uint64_t infinite_mask;  ///< infinite: bits & infinite_mask == special_value; 0: has no infinities
  std::uint64_t magnitude;      ///< zero: bits & magnitude == 0; 0: has no zero
};

/// What the numbers repeat with.
enum class Repeat : std::uint8_t {
  Values,  ///< nothing but numbers, one after the other
  Blocks,  ///< every `units` blocks
  Rows,    ///< every `units` rows along the innermost dimension
  Tail,    ///< once in a tensor, `offset` bytes before its end
};

/// One row of the table: the numbers in a tensor of a type that may be NaN or infinite.
struct ValueLayout {
  Dtype dtype;
  const FloatKind* kind;     ///< null: the type has neither NaN nor infinity
  Repeat repeat;             //
  std::uint16_t units;       ///< how many blocks or rows share one run of numbers
  std::uint16_t offset;      ///< bytes from the start of these blocks or rows to the run
  std::uint16_t count;       ///< numbers in the run
  std::uint16_t block_bits;  ///< of one block, as the structure that the offsets are taken from has them
};

/// Every row there is. A type without a row cannot be looked into.
std::span<const ValueLayout> value_layouts();

/// The row of a type, or null.
const ValueLayout* value_layout(Dtype dtype);

/// The numbers of one tensor, masks in the byte order of its file.
struct ValueGrid {
  FloatKind kind = {};
  std::uint64_t period = 0;  ///< bytes from one run of numbers to the next
  std::uint64_t offset = 0;  ///< bytes from the start of a period to its run
  std::uint64_t count = 0;   ///< numbers in a run
  bool dense = false;        ///< there is nothing but numbers
};

/// Nothing when the type has no row with numbers, or when the tensor is not a whole number of periods.
std::optional<ValueGrid> value_grid(const Tensor& tensor, std::endian byte_order);

}  // namespace weigh::core
