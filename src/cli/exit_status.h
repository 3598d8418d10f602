#pragma once

namespace weigh::core {

/// What every help and the man page end with.
inline constexpr const char* kExitStatuses =
    "Exit status: 0 all read; 1 something could not be read, a model has an error, or diff found a difference; 2 wrong "
    "usage, and for diff trouble; 3 --require is not met.";

}  // namespace weigh::core
