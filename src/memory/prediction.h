#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "src/memory/run_model.h"

namespace weigh::core {

/// The blocks of multi-token prediction as a model of their own, which drafts for the whole on the same weights
/// (docs/memory-rules.md 6.5): attention over the whole context, whatever the other layers do. Nothing for a model whose
/// files have no such blocks.
std::optional<RunModel> prediction_model(const RunModel& model);

/// How the names of those tensors of a next-token block begin, behind "blk.N.", that are loaded although the block is not
/// run. Empty for most architectures: they load none.
std::span<const std::string_view> loaded_of_prediction(std::string_view architecture);

}  // namespace weigh::core
