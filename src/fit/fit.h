#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/devices/budget.h"
#include "src/fit/candidate.h"
#include "src/fit/device_set.h"

namespace weigh::core {

/// The run on the devices: need, verdict, and the reason. What makes an `over` run all the same is not looked for.
Fit weigh_run(Candidate& candidate, const Run& run, const DeviceSet& devices);

/// Adds to a fit what takes longer: the placement, with its help in the reason of an `over`, and the command line.
void add_placement(Candidate& candidate, const Run& run, const DeviceSet& devices, Fit& fit);

/// The largest context with which the run fits, up to the model's own or the one asked for; nothing when none does or
/// the model's figures are not known.
struct LargestContext {
  std::uint64_t tokens = 0;
  bool is_models = false;  ///< no more than the model was made for
};
std::optional<LargestContext> largest_context(Candidate& candidate, const Run& run, const DeviceSet& devices);

/// The run with as few experts, then as few layers on the host as make it fit the devices. Nothing when nothing does or
/// there is no host beside them.
std::optional<Run> moved_to_host(Candidate& candidate, const Run& run, const DeviceSet& devices);
/// Likewise by layers alone.
std::optional<Run> layers_to_host(Candidate& candidate, const Run& run, const DeviceSet& devices);

/// The largest type of llama.cpp's quantizer, of those that make the model smaller, with which the run fits.
struct SmallerType {
  const QuantizerType* type = nullptr;
  std::uint64_t weight_bytes = 0;  ///< all tensors
};
std::optional<SmallerType> largest_fitting_type(const Model& source, Run run, const DeviceSet& devices,
                                                const std::vector<Companion>& companions = {});

/// What makes a run that does not fit do so, most welcome first. Every proposal has been weighed and fits.
std::vector<Advice> advise(Candidate& candidate, const Run& run, const DeviceSet& devices, const Catalogue& catalogue);

/// Nothing where a device's bandwidth is not known, or the model's figures.
std::optional<SpeedBound> speed_bound(Candidate& candidate, const Run& run, const DeviceSet& devices);

/// Flags of the engine that say this run, without the placement.
std::vector<std::string> engine_flags(const Candidate& candidate, const Run& run);

/// "f16", "q8_0,f16".
std::string cache_type_text(const Run& run);

/// By llama.cpp's name, "q8_0", or "fp8". Nothing for what no engine keeps a cache in.
std::optional<Dtype> cache_type_by_name(std::string_view name);
std::string cache_types_listed(std::optional<Engine> engine = std::nullopt);
bool takes_cache_type(Engine engine, Dtype type);

/// The tokens that a run counts with, as asked for: the smaller of 4096 and the model's own when nothing was.
std::uint64_t context_of(const Candidate& candidate, const Run& run);

}  // namespace weigh::core
