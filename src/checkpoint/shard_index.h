#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/byte_source.h"
#include "formats/finding.h"

namespace weigh::core {

/// A `*.safetensors.index.json`. Move-only: the tensor names are views into it.
struct ShardIndex {
  struct Storage;  ///< the text, and the strings that escapes make differ from it

  ShardIndex();
  ShardIndex(ShardIndex&&) noexcept;
  ShardIndex& operator=(ShardIndex&&) noexcept;
  ~ShardIndex();

  std::unique_ptr<Storage> storage;
  std::vector<std::string> files;                                   ///< distinct values of weight_map, sorted
  std::vector<std::pair<std::string_view, std::uint32_t>> tensors;  ///< name, index into `files`
  std::optional<std::uint64_t> total_size;                          ///< sum of tensor bytes, as claimed
  std::optional<std::uint64_t> total_parameters;                    ///< as claimed
  std::vector<Finding> findings;                                    ///< claims of the wrong type
};

/// Throws FormatError when it is not such JSON, or names a file outside its folder.
ShardIndex read_shard_index(ByteSource& source);

}  // namespace weigh::core
