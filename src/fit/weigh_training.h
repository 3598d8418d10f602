#pragma once

#include <span>

#include "src/fit/weigh.h"

namespace weigh::core {

/// Holds a step of training against each set, or against a few common devices when there is none. Devices of a set work
/// on sequences of their own, each with the whole model but what the settings shard. Nothing goes to the host.
/// Common machines of several devices share by ZeRO-3 where the settings say nothing.
Weighing weigh_training(const Model& model, const TrainingSettings& settings, std::span<const DeviceSet> sets,
                        const Catalogue& catalogue, WeighDetail detail);

}  // namespace weigh::core
