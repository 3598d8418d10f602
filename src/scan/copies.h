#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "src/scan/row.h"

namespace weigh::core {

/// How far models are known to be the same.
enum class Likeness : std::uint8_t {
  Tensors,  ///< names, types and shapes; the metadata differ, and the weights were not compared
  Header,   ///< the whole header and the file's size; the weights were not compared
  Weights,  ///< every byte of the weights; the metadata differ
  File,     ///< every byte
};

/// "tensors", "header", "weights", "file".
std::string_view likeness_name(Likeness likeness);

/// Models that are copies of each other, or may be.
struct CopyGroup {
  Likeness likeness = Likeness::Tensors;
  std::vector<std::size_t> rows;  ///< indices, in their order
  /// Bytes of all but the largest; 0 where only the tensor tables are alike, as those of any two fine-tunes are.
  std::uint64_t reclaimable_bytes = 0;
};

/// Largest first. Header-only snapshots are left out: they hold no weights.
std::vector<CopyGroup> find_copies(std::span<const ScanRow* const> rows);

}  // namespace weigh::core
