#pragma once

#include "src/checkpoint/checkpoint.h"
#include "src/checkpoint/selection.h"

namespace weigh::core {

/// Compares the files of a set with each other and with what its index or its parts state of it, and adds a finding for
/// each difference. Of a tensor that is in several shards, only the one that the index names keeps it: the others'
/// `tensors` and sums change.
void cross_check(Checkpoint& checkpoint, const Selection& selection);

}  // namespace weigh::core
