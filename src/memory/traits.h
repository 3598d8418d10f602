#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace weigh::core {

/// What few architectures do otherwise than all others, beside their row in the table of architectures.
enum ArchitectureTrait : std::uint32_t {
  kNoFlashAttention = 1U << 0,  ///< the engine switches flash attention off for it
  kRollsBack = 1U << 1,         ///< its state can go back over drafted tokens: one row more for each of them
  kOutputCopied = 1U << 2,      ///< a tied output matrix is a tensor of its own in memory, also on a host alone
  kNoDraftGraph = 1U << 3,      ///< has blocks of multi-token prediction, and the engine no graph that runs them
};

/// A set of ArchitectureTrait; 0 for most names and for unknown ones.
std::uint32_t architecture_traits(std::string_view name);

/// How the names of those tensors of a next-token block begin, behind "blk.N.", that are loaded although the block is not
/// run. Empty for most architectures: they load none.
std::span<const std::string_view> loaded_of_prediction(std::string_view architecture);

}  // namespace weigh::core
