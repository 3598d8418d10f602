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

Fit judge_encoders_on_host(const PipelineWeights& weights, const DeviceSet& devices) {
  Fit fit = judge_components(weights.others, devices);
  fit.beside_host = true;
  if (fit.verdict == Verdict::Over) {
    fit.verdict = Verdict::No;
    fit.help = {HelpKind::NothingElse, 0};
  }
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
    fits.at_once = common_devices(catalogue, [&](const DeviceSet& devices) { return judge_components(all, devices); });
    return fits;
  }
  for (const DeviceSet& devices : sets) {
    Fit& at_once = fits.at_once.emplace_back(judge_components(all, devices));
    if (weights.encoders.empty() || !devices.have_host_memory()) continue;
    const Fit& rest = fits.encoders_on_host.emplace_back(judge_encoders_on_host(weights, devices));
    if (at_once.verdict < Verdict::Over) continue;
    const bool runs = rest.verdict <= Verdict::Tight;
    at_once.verdict = runs ? Verdict::Over : Verdict::No;
    at_once.help = {runs ? HelpKind::EncodersOnHost : HelpKind::NotEvenWithoutEncoders, sum_of(weights.encoders)};
  }
  return fits;
}

}  // namespace weigh::core
