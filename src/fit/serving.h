#pragma once

#include <optional>

#include "src/fit/candidate.h"
#include "src/fit/device_set.h"
#include "src/fit/fit.h"

namespace weigh::core {

/// Whether the engine pools its cache, and enough is known of the model to say how it starts.
bool is_served(const Candidate& candidate);

/// How the engine starts on the devices. Only where is_served().
ServingStart serve(Candidate& candidate, const Run& run, const DeviceSet& devices);

/// The devices with what the engine takes of each as their budget.
std::vector<Slot> served_slots(const DeviceSet& devices, const ServingStart& start);

/// The verdict of a start on a fit that was judged by sums: an engine starts or does not, and holds the run's sequences
/// or does not.
void judge_start(const Run& run, ServingStart start, Fit& fit);

}  // namespace weigh::core
