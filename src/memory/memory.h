#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/memory/placement.h"
#include "src/memory/run.h"
#include "src/model/model.h"

namespace weigh::core {

/// The engine whose rules these are, to name beside every figure: they move between its versions.
inline constexpr std::string_view kRuleSet = "llama.cpp v0.5.0";

/// What the parts rest on.
enum class Basis : std::uint8_t {
  Rules,     ///< the engine's own: every part is what it allocates
  Estimate,  ///< the compute part is estimated on the safe side
  Assumed,   ///< no rule for the architecture yet: full attention is assumed, compute estimated
};

/// A run in one memory, part by part, in bytes. A part that cannot be told is absent, never 0; a part that the run does
/// not have is 0.
struct Footprint {
  std::optional<std::uint64_t> weights;
  std::optional<std::uint64_t> kv_cache;
  std::optional<std::uint64_t> state;    ///< of recurrent layers
  std::optional<std::uint64_t> compute;  ///< what one micro-batch needs in between
  std::optional<std::uint64_t> logits;   ///< the rows a batch's results are kept in, always on the host
  std::uint64_t context = 0;             ///< tokens that were counted with, after the engine's rounding
  Basis basis = Basis::Rules;
  std::string remark;  ///< one sentence on what is assumed or missing; empty when nothing is
};

/// The whole run in one memory: a host alone, or memory that host and device share. The weights of a file are counted
/// once, also where both ends of the model use them.
Footprint measure(const Model& model, const Run& run);

/// The run on a host and discrete devices, by the devices' proportions (one number for each device). Nothing for a
/// model whose hyperparameters are unknown.
std::optional<Placement> measure_split(const Model& model, const Run& run, std::span<const double> proportions);

}  // namespace weigh::core
