#pragma once

#include <string_view>

namespace weigh::core {

/// The text of devices.csv, compiled in.
std::string_view devices_csv();

}  // namespace weigh::core
