#pragma once

#include <string_view>

namespace weigh::core {

/// Whether recorded runs of the engine prove the figures of an architecture on one host: in all of its runs the cache is
/// right to the byte and the compute buffer within 0.1 % (docs/accuracy.md).
bool proven_by_runs(std::string_view architecture);

}  // namespace weigh::core
