#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weigh::core {

/// A weight of bytes whose width no file states: one weight a byte, or two.
struct ByteWeight {
  std::uint32_t module = 0;
  std::uint64_t rows = 0;          ///< out
  std::uint64_t columns = 0;       ///< in, or in / 2
  std::string_view block;          ///< the name up to its first number: "double_blocks.3."
  std::uint64_t marker_bytes = 0;  ///< of ComfyUI's marker beside it, whose text is as long for equal formats; 0: none
  std::uint64_t scale_dimensions = 0;
  std::vector<std::uint64_t> inputs;  ///< lengths of the module's own vectors that may be one value per input
};

/// Widths that the tensors of one block, or of the whole file, show.
struct Widths {
  std::unordered_map<std::uint64_t, std::uint64_t> read;     ///< length of a norm, columns of a plain matrix; how often
  std::unordered_map<std::uint64_t, std::uint64_t> written;  ///< rows of a matrix, likewise
};

/// The name up to and with its first part that is a number; all names without one are one block, "".
std::string_view block_of_name(std::string_view name);

/// The bits of such weights by module, as far as the shapes around them tell: what a layer reads has the width of a
/// norm, of what other layers read, or of what other layers write. Weights with markers of one length and scales of one
/// shape are taken to have one format. Where the signs contradict each other nothing is told.
std::unordered_map<std::uint32_t, std::uint64_t> widths_by_neighbours(
    std::span<const ByteWeight> weights, const std::unordered_map<std::string_view, Widths>& blocks,
    const Widths& file);

}  // namespace weigh::core
