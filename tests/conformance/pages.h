#pragma once

#include <string>

#include "tests/conformance/accuracy.h"

namespace weigh::conformance {

/// docs/accuracy.md.
std::string accuracy_page(const Vectors& vectors, const Results& results);

/// One sentence.
std::string readme_figure(const Results& results);

/// src/memory/proven.inc: the names of architectures, sorted. No figure of a run is in it.
std::string proven_list(const Results& results);

}  // namespace weigh::conformance
