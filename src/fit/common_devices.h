#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "src/devices/catalogue.h"
#include "src/fit/fit.h"

namespace weigh::core {

struct DeviceSet;

/// A few common devices around the boundary between "fits" and what does not, smallest budget first, each judged by
/// `judged`. Where `worked_out` is given, it says more of those few: where their parts go, which is not worth working out
/// for all.
std::vector<Fit> common_devices(const Catalogue& catalogue, const std::function<Fit(const DeviceSet&)>& judged,
                                const std::function<Fit(const DeviceSet&)>& worked_out = {});

}  // namespace weigh::core
