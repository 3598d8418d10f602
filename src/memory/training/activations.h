#pragma once

#include <cstdint>
#include <optional>

#include "formats/checked.h"
#include "src/memory/run_model.h"
#include "src/memory/training/settings.h"
#include "src/memory/training/trained_tensors.h"

namespace weigh::core {

// What a step keeps for the way back, in 16 bits: docs/training.md 3. Sums stay at 2^64 - 1 where they would not fit.

/// A feed-forward part. `gated` has gate and up, whose product goes down.
std::uint64_t ffn_bytes_per_token(std::uint64_t hidden, std::uint64_t width, bool gated);

/// Attention: its input, queries, keys, values and result, and the mask of a dropout.
std::uint64_t attention_bytes_per_token(const RunModel& model, const LayerModel& layer);

/// Routed and shared experts, of which a token takes `experts_used`.
std::uint64_t expert_bytes_per_token(const RunModel& model, const LayerModel& layer);

/// A layer without the attention matrix. `block` is what its tensors are; null where they are not there. Nothing where
/// the files do not say how many experts a token takes.
std::optional<std::uint64_t> layer_bytes_per_token(const RunModel& model, const LayerModel& layer,
                                                   const BlockLayers* block);

/// The attention matrix of one sequence, with its soft max and a dropout's mask: 5 a s^2.
std::uint64_t attention_matrix_bytes(const LayerModel& layer, std::uint64_t tokens);

/// A step's activations on one device, without the logits. `tokens` are those of one sequence.
Bytes activation_bytes(const RunModel& model, const TrainedTensors& tensors, const TrainingSettings& settings,
                       std::uint64_t tokens);

/// Logits and their gradient, both once more for a loss that is not fused.
std::uint64_t logit_bytes(std::uint64_t vocabulary, std::uint64_t sequences, std::uint64_t tokens);

}  // namespace weigh::core
