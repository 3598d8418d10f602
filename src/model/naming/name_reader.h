#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "src/model/model.h"

namespace weigh::core {

/// What one tensor's name says.
struct ReadName {
  std::uint32_t block = 0;  ///< index into `blocks`
  Role role = Role::Other;  ///< before shapes and neighbours have their say
  ExpertName expert;
};

/// All names of a model, understood.
struct ReadNames {
  std::vector<ReadName> tensors;
  std::vector<Block> blocks;  ///< the first stands for what is outside of blocks, the others as they come
};

/// One look at every name. Names that differ only in their numbers are understood once.
ReadNames read_names(std::span<const TensorFacts> tensors, Naming naming);

/// Fills in each tensor's role, from its name and from what is known by now: its parameters, whether it is routed, and
/// what kind of block it is in.
void assign_roles(const ReadNames& names, std::span<TensorFacts> facts);

}  // namespace weigh::core
