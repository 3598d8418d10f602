#pragma once

namespace weigh::core {

/// What every help and the man page end with.
inline constexpr const char* kExitStatuses =
    "Exit status: 0 all read; 1 something could not be read or a model has an error; 2 wrong usage; 3 --require "
    "is not met.";

}  // namespace weigh::core
