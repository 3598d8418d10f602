#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "formats/checked.h"
#include "src/memory/run.h"
#include "src/memory/run_model.h"
#include "src/model/model.h"

namespace weigh::core {

/// A model's weights by where llama.cpp may put them, in bytes of its buffers.
struct WeightParts {
  struct Block {
    std::uint64_t bytes = 0;
    std::uint64_t experts = 0;         ///< of these, routed experts, which --n-cpu-moe keeps on the host
    std::uint64_t ffn = 0;             ///< likewise, dense feed-forward weights, which --n-cpu-ffn keeps there
    std::uint64_t largest = 0;         ///< the largest single tensor but the experts
    std::uint64_t largest_ffn = 0;     ///< the largest of the dense feed-forward part
    std::uint64_t largest_expert = 0;  ///< the largest single tensor of experts
  };
  std::uint64_t input = 0;       ///< token, position and type embeddings
  std::uint64_t embeddings = 0;  ///< of these, the token embeddings, which a model without `output` uses as output too
  std::uint64_t copied = 0;      ///< of these, what a host alone holds a second time, for the output
  std::uint64_t output = 0;      ///< everything that stands outside of the blocks otherwise
  std::uint64_t everywhere = 0;  ///< rope tables: with each memory that holds blocks
  bool tied = false;             ///< no output of its own
  std::vector<Block> blocks;     ///< of those that predict, what is loaded although they are not run
};

/// What a run keeps of a block on the host wherever the block goes.
struct KeptWeights {
  std::uint64_t bytes = 0;
  std::uint64_t largest = 0;  ///< of one tensor
};
KeptWeights kept_on_host(const WeightParts& parts, std::size_t block, const Run& run);

/// The tensors of a GGUF model by block and name.
class WeightTable {
 public:
  explicit WeightTable(const Model& source);

  /// Bytes of "blk.N.NAME.weight", or of what stands outside of the blocks for a number below 0. Nothing for names that
  /// the file has not, and for other formats.
  [[nodiscard]] Bytes bytes(std::int32_t block, std::string_view name) const;

 private:
  struct Row {
    std::int32_t block;
    std::string_view name;
    std::uint64_t bytes;
  };
  std::vector<Row> rows_;
};

/// As the model says what becomes of its blocks of multi-token prediction; nothing but its shape of a model that is these
/// blocks.
WeightParts weight_parts(const Model& source, const RunModel& model);

}  // namespace weigh::core
