#pragma once

#include <vector>

#include "src/report/report.h"
#include "src/report/text_writer.h"

namespace weigh::core {

/// From this many models on a report of them is a table.
inline constexpr std::size_t kModelsInTable = 3;

/// A row for each model, the largest first: type, size, and on one device the need, the largest context, the verdict and
/// how it runs; on several the verdicts alone. Of files of one model the largest that fits is marked.
void write_model_table(const std::vector<ModelReport>& models, TextWriter& page);

}  // namespace weigh::core
