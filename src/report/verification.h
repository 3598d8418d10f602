#pragma once

#include <ostream>
#include <string_view>

#include "src/report/style.h"
#include "src/verify/verification.h"

namespace weigh::core {

/// The answer of `weigh verify-log`: text or json (weigh.verify/1).
void write_verification(const Verification& verification, std::string_view format, const Style& style,
                        std::ostream& out);

}  // namespace weigh::core
