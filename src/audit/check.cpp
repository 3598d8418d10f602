#include "src/audit/check.h"

namespace weigh {

std::span<const Check> checks() { return {}; }

}  // namespace weigh
