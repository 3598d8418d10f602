#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "formats/checked.h"

namespace weigh::core {

/// Bytes of memory by what they are for. A part that is not known or not counted is absent, never 0; a part that a run
/// does not have is 0.
struct MemoryNeed {
  Bytes weights;
  Bytes kv_cache;
  Bytes state;     ///< of recurrent layers
  Bytes compute;   ///< what one micro-batch needs in between
  Bytes logits;    ///< the rows that a batch's results are kept in, always on the host
  Bytes overhead;  ///< of the engine and its driver context

  /// Every part known, and 0.
  static MemoryNeed none();

  /// The sum of the parts that are known; stays at 2^64 - 1 where it would not fit.
  [[nodiscard]] std::uint64_t total() const;

  friend bool operator==(const MemoryNeed&, const MemoryNeed&) = default;
};

/// One part of a need.
using NeedPart = Bytes MemoryNeed::*;

inline constexpr std::array<NeedPart, 6> kNeedParts{&MemoryNeed::weights, &MemoryNeed::kv_cache, &MemoryNeed::state,
                                                    &MemoryNeed::compute, &MemoryNeed::logits,   &MemoryNeed::overhead};

/// Part by part: not known where either is not, and at 2^64 - 1 where the sum would not fit.
MemoryNeed plus(const MemoryNeed& a, const MemoryNeed& b);

/// What the figures of a run rest on, the firmest first.
enum class Basis : std::uint8_t {
  Rules,     ///< the engine's own: every part is what it allocates
  Estimate,  ///< the compute part is estimated on the safe side
  Assumed,   ///< no rule for the architecture yet: full attention is assumed, compute estimated
};

/// What is assumed or missing in the figures of a run.
enum class Remark : std::uint8_t {
  None,
  NoLayers,         ///< the files do not say how many layers there are and how wide they are
  WeightsOnly,      ///< nor anything else that a run needs beside the weights
  AttentionIsFull,  ///< assumed, for an architecture without a rule
  LayersShown,      ///< likewise, of layers that differ: they are taken for what keys and tensors tell
  LayersAlike,      ///< a hybrid whose files do not say which layers have attention: all are counted with it
  LatentExpanded,   ///< latent attention is kept expanded, as it once was converted
  HeadsUnknown,     ///< the cache is not counted
  PartsMissing,     ///< parts of the checkpoint are not there: the figures are of those that are
};

/// The need of a run in one memory, and the tokens that it is counted with, after the engine's rounding.
struct ContextNeed {
  MemoryNeed need;
  std::uint64_t context = 0;
};

/// A ContextNeed with what it rests on.
struct RunNeed {
  MemoryNeed need;
  std::uint64_t context = 0;
  Basis basis = Basis::Rules;
  Remark remark = Remark::None;
  bool proven = false;            ///< by the rules alone, and recorded runs of the architecture agree with them
  std::string architecture = {};  ///< of a remark: the one without a rule; empty where the files do not name it
};

}  // namespace weigh::core
