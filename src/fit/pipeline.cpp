// A diffusers pipeline: several models, one need.
#include "src/fit/pipeline.h"

#include <algorithm>

#include "formats/checked.h"
#include "src/fit/common_devices.h"
#include "src/fit/verdict.h"

namespace weigh::core {

namespace {

std::uint64_t sum_of(const std::vector<std::uint64_t>& parts) {
  SaturatingSum sum;
  for (const std::uint64_t bytes : parts) sum.add(bytes);
  return sum.value;
}

// A component goes to one device as a whole.
Fit judge_components(std::vector<std::uint64_t> components, const DeviceSet& devices) {
  Load load{.slot = &devices.slots.front(), .count = devices.slots.size(), .need = {}};
  load.need.weights = sum_of(components);
  load.need.overhead = engine_overhead(load.slot->device);
  if (load.count > 1) load.pieces = std::move(components);
  return judge(devices.label, {&load, 1}, Engine::Transformers);
}

// Everything counts as the need, wherever it lies.
Fit judge_encoders_on_host(const PipelineWeights& weights, const DeviceSet& devices) {
  Fit fit = judge_components(weights.others, devices);
  const std::uint64_t encoders = sum_of(weights.encoders);
  MemoryNeed need = fit.need;
  need.weights = saturating_plus(need.weights, encoders);
  set_need(need, fit);
  put_on_host(encoders, *devices.host, fit);
  if (fit.verdict == Verdict::Offload) fit.reason = {ReasonKind::EncodersOnHost, encoders};
  if (fit.reason.kind == ReasonKind::MoreOnHost) fit.reason = {ReasonKind::NotEvenWithoutEncoders, encoders};
  return fit;
}

}  // namespace

PipelineFits weigh_pipeline(const PipelineWeights& weights, std::span<const DeviceSet> sets,
                            const Catalogue& catalogue) {
  std::vector<std::uint64_t> all = weights.others;
  all.insert(all.end(), weights.encoders.begin(), weights.encoders.end());
  PipelineFits fits;
  fits.common_devices = sets.empty();
  if (fits.common_devices) {
    fits.at_once = common_devices(catalogue, [&](const DeviceSet& devices) {
      return weigh_pipeline(weights, {&devices, 1}, catalogue).at_once.front();
    });
    return fits;
  }
  for (const DeviceSet& devices : sets) {
    Fit& at_once = fits.at_once.emplace_back(judge_components(all, devices));
    if (!devices.host) continue;
    if (weights.encoders.empty()) {
      offload_weights(weights.others, devices, at_once);
      continue;
    }
    const Fit& rest = fits.encoders_on_host.emplace_back(judge_encoders_on_host(weights, devices));
    if (at_once.verdict == Verdict::No) at_once = rest;
  }
  return fits;
}

}  // namespace weigh::core
