#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "src/cli/terminal.h"

namespace weigh::core {

/// The whole program: reports go to `out`, everything else to `err`. Returns the exit status of docs/output.md 1: 0 all
/// read, 1 something could not be read or a model has an error finding, 2 wrong usage. Throws nothing.
int run(std::vector<std::string> arguments, std::ostream& out, std::ostream& err, const Terminal& terminal);

}  // namespace weigh::core
