#pragma once

#include <cstdint>
#include <vector>

#include "src/memory/training/settings.h"
#include "src/model/model.h"

namespace weigh::core {

/// A matrix of a linear layer, or several alike in one tensor: the experts of a layer.
struct LinearLayer {
  std::uint64_t count = 0;  ///< matrices; 0: the tensor is none of a linear layer
  std::uint64_t in = 0;
  std::uint64_t out = 0;
  bool told = true;  ///< shapes tell which side is which; else `in` is the model's own width

  [[nodiscard]] std::uint64_t parameters() const;  ///< of one matrix
};

/// What is known of a tensor's linear layers. A packed matrix has one side of the width `hidden` where its stored shape
/// does not tell; where that is impossible the sides are chosen to be on the safe side.
LinearLayer linear_layer(const TensorFacts& facts, std::uint64_t hidden);

/// What the linear layers of one block add up to.
struct BlockLayers {
  Stack stack = Stack::None;
  std::int32_t layer = -1;
  std::uint64_t parameters = 0;         ///< of the block
  bool layer_norms = false;             ///< its norms have biases: they are no RMS norms
  std::uint64_t dense_ffn = 0;          ///< of its dense feed-forward part
  std::uint64_t ffn_width = 0;          ///< what goes into its last matrix; 0: shapes do not tell
  std::uint64_t routed = 0;             ///< of its routed experts
  std::uint64_t matrices = 0;           ///< linear layers without routed experts
  std::uint64_t routed_matrices = 0;    ///< of all routed experts
  std::uint64_t mixer_sides = 0;        ///< 2 in + 4 out of all but feed-forward and experts (docs/training.md 3)
  std::uint64_t state_space_sides = 0;  ///< of these, the state space's
  std::uint64_t all_sides = 0;          ///< likewise of all but routed experts
};

/// A model as it is trained: what training programs load of it. Multi-token prediction, tables that nobody trained and a
/// stored copy of tied embeddings are left out. Sums stay at 2^64 - 1 where they would not fit.
struct TrainedTensors {
  std::uint64_t parameters = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t factored = 0;        ///< rows and columns of all matrices, and values of all vectors
  std::uint64_t nf4_parameters = 0;  ///< in linear layers of blocks, stacked experts left out
  std::uint64_t nf4_bytes = 0;       ///< of those in NF4
  std::uint64_t sides = 0;           ///< in + out of each matrix that adapters are put beside
  std::uint64_t adapted = 0;         ///< such matrices
  std::uint64_t largest_matrix = 0;  ///< parameters
  std::uint64_t largest_block = 0;   ///< likewise
  bool towers = false;               ///< of vision or sound, beside a language model: adapters leave them alone
  bool stacked_experts = false;      ///< experts in one tensor for each layer
  std::vector<BlockLayers> blocks;   ///< of the language model alone: a tower's layers have no roles
};

TrainedTensors trained_tensors(const Model& model, std::uint64_t hidden);

/// Bytes of so many weights in NF4 with scales that are quantized in turn (docs/training.md 1).
std::uint64_t nf4_bytes(std::uint64_t parameters);

}  // namespace weigh::core
