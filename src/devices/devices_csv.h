#pragma once

#include <string_view>

namespace weigh {

/// The text of devices.csv, compiled in.
std::string_view devices_csv();

}  // namespace weigh
