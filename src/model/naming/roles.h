#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "src/model/naming/tensor_name.h"

namespace weigh::core {

/// What a tensor does in its model. Everything in a tower or in a prediction block has the role of that part, whatever
/// it does there; quantization overhead is overhead everywhere.
enum class Role : std::uint8_t {
  TokenEmbedding,
  OtherEmbedding,  ///< positions, token types, patches
  OutputHead,      ///< of the vocabulary, of a classifier, a pooler
  AttentionQ,
  AttentionK,
  AttentionV,
  AttentionOutput,
  AttentionFused,  ///< several of Q, K and V in one
  AttentionMla,    ///< latent attention's down and up projections
  AttentionOther,  ///< sinks, gates, indexers
  Norm,
  DenseFfn,
  Router,  ///< with its biases and scales
  RoutedExpert,
  SharedExpert,  ///< with its gate
  StateSpace,    ///< state space and linear attention, their short convolutions included
  Convolution,
  Residual,      ///< what mixes or scales the residual stream
  Conditioning,  ///< a diffusion model's embeddings of time, class and guidance, and the modulation by them
  Vision,
  Audio,
  Projector,   ///< between a tower and the language model
  Prediction,  ///< multi-token prediction: its block and all in it
  Overhead,    ///< quantization: scales, zero points, indices
  Buffer,      ///< tables and masks that nobody trained
  Adapter,
  Other,  ///< no pattern knows it
  Count,
};

/// "token embedding", "attention Q", ..., in words for a table.
std::string_view role_name(Role role);

/// The part that people speak of: all of attention is one, for each naming cuts it into other tensors (fused or not);
/// else the role's own name.
std::string_view part_name(Role role);

/// Which table of patterns is asked first.
enum class Naming : std::uint8_t { Gguf, HuggingFace, Diffusers };

/// One pattern for the module a tensor belongs to: what is left of its name behind the block number and before the
/// ".weight". Whole parts between dots, of which the last must be the module's last; "#" is any number, "*" at either
/// end of the last part anything, ".*" behind it anything below, "^" in front the beginning of the path.
struct RolePattern {
  std::string_view pattern;
  Role role;
};

/// The patterns of one naming, of which the first that fits wins.
std::span<const RolePattern> role_patterns(Naming naming);

/// The role of a module by the patterns of `naming`, then by those of the others; Other when none fits.
Role role_of_module(std::string_view module, Naming naming);

}  // namespace weigh::core
