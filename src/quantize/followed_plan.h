#pragma once

#include <cstdint>
#include <optional>

#include "src/quantize/quantize_types.h"

namespace weigh::core {

/// Which of the quantizer's file types the tensors of a GGUF are, whatever the file says of itself. Only tensors that
/// the quantizer would touch count. Where its choice depends on an importance matrix or on its age, each choice is
/// right.
struct FollowedPlan {
  const QuantizerType* claimed = nullptr;  ///< general.file_type; null where nothing known is stated
  const QuantizerType* plan = nullptr;     ///< null for a mix that is near none
  bool pure = false;                       ///< made with --pure: every tensor has the plan's default type
  std::uint64_t tensors = 0;               ///< that the quantizer would touch
  std::uint64_t others = 0;                ///< of these, those that have another type than the plan gives
  const TensorFacts* first_other = nullptr;
  std::uint64_t unquantized = 0;  ///< of the others, those left in F32, F16 or BF16 where the plan has blocks
  const TensorFacts* first_unquantized = nullptr;
  bool large_ends = false;         ///< the others are the embeddings and the head alone, all in Q8_0
  Dtype most = Dtype::F16;         ///< the type of most weights
  bool of_one_type = false;        ///< no other type of blocks is there, and `most` holds at least half of the weights
  std::optional<Dtype> kept = {};  ///< MXFP4 or NVFP4 that the converter took over into a file of a plain type

  /// The tensors are not what the file states.
  [[nodiscard]] bool contradicted() const { return claimed != nullptr && plan != claimed; }
};

/// Nothing for what is no GGUF or has no tensor that could be quantized. Of a set with parts missing the claim is taken.
std::optional<FollowedPlan> followed_plan(const Model& model);

}  // namespace weigh::core
