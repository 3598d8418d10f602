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

/// Likewise for a need that is the same everywhere. Where it counts an overhead, each device's own takes its place.
std::vector<Fit> common_devices(const MemoryNeed& need, std::optional<Engine> engine, const Catalogue& catalogue);

}  // namespace weigh::core
