#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "src/devices/catalogue.h"
#include "src/fit/fit.h"

namespace weigh::core {

struct DeviceSet;

/// A few common devices around the boundary between "fits" and what does not, smallest budget first, each judged by
/// `judged`.
std::vector<Fit> common_devices(const Catalogue& catalogue, const std::function<Fit(const DeviceSet&)>& judged);

}  // namespace weigh::core
