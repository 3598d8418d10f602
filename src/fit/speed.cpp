// How fast memory lets a model answer at most: every token reads the weights that work on it, and the cache.
#include "src/fit/speed.h"

#include <algorithm>

#include "src/fit/layout.h"

namespace weigh::core {

namespace {

// Bytes of a block that one token touches: of the experts those that are used.
struct Touched {
  double experts = 0;
  double others = 0;
};

Touched touched_of(const Candidate& candidate, std::size_t i) {
  const WeightParts::Block& block = candidate.parts().blocks[i];
  const LayerModel& layer = candidate.run_model()->layers[i];
  const bool known = layer.experts != 0 && layer.experts_used != 0 && layer.experts_used <= layer.experts;
  const double used = known ? static_cast<double>(layer.experts_used) / static_cast<double>(layer.experts) : 1.0;
  return {static_cast<double>(block.experts) * used, static_cast<double>(block.bytes - block.experts)};
}

// Weights that one token reads in each slot, and on the host.
struct Reads {
  std::vector<double> slots;
  double host = 0;
};

// Whether every device has its part of every matrix, and all of them work at once.
bool divides_layers(const Layout& layout) { return layout.start && layout.start->shards.pipeline == 1; }

Reads reads_of(const Candidate& candidate, const Run& run, const Layout& layout) {
  Reads reads{.slots = std::vector<double>(layout.slots.size(), 0)};
  const WeightParts& parts = candidate.parts();
  std::size_t block = 0;
  const auto add = [&](double& where) {
    const Touched touched = touched_of(candidate, block);
    const double kept = block < run.cpu_ffn_layers ? static_cast<double>(parts.blocks[block].ffn) : 0;
    where += touched.others - kept;
    reads.host += kept;
    (block < run.cpu_moe_layers ? reads.host : where) += touched.experts;
    ++block;
  };
  // Of the input embeddings one row is looked up, which is nothing.
  const auto output = static_cast<double>(parts.output) + (parts.tied ? static_cast<double>(parts.embeddings) : 0);
  if (divides_layers(layout)) {
    const std::uint64_t cards = layout.start->shards.tensor;
    double all = output;
    while (block < parts.blocks.size()) add(all);
    for (std::size_t slot = 0; slot < reads.slots.size() && slot < cards; ++slot) {
      reads.slots[slot] = all / static_cast<double>(cards);
    }
    return reads;
  }
  while (block < layout.host_layers && block < parts.blocks.size()) add(reads.host);
  for (std::size_t slot = 0; slot < reads.slots.size(); ++slot) {
    for (std::uint64_t n = 0; n < layout.layers[slot] && block < parts.blocks.size(); ++n) add(reads.slots[slot]);
  }
  (layout.output ? reads.slots[*layout.output] : reads.host) += output;
  return reads;
}

}  // namespace

std::optional<SpeedBound> speed_bound(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  // How many of a draft's tokens are taken nobody knows beforehand.
  if (candidate.run_model() == nullptr || candidate.draft() != nullptr) return std::nullopt;
  const Layout layout = lay_out(candidate, run, devices);
  const Reads reads = reads_of(candidate, run, layout);
  const bool in_turn = !divides_layers(layout);
  double empty = 0;
  double full = 0;
  const auto visit = [&](double weights, const MemoryNeed& need, std::uint64_t bandwidth) {
    const auto sequences = static_cast<double>(std::max<std::uint64_t>(run.sequences, 1));
    const double state = static_cast<double>(need.state.value_or(0)) / sequences;
    const double cache = static_cast<double>(need.kv_cache.value_or(0)) / sequences;
    if (weights + state + cache <= 0) return true;
    if (!need.kv_cache || !need.state || bandwidth == 0) return false;  // 0: not known
    const double first = (weights + state) / static_cast<double>(bandwidth);
    const double last = first + cache / static_cast<double>(bandwidth);
    empty = in_turn ? empty + first : std::max(empty, first);
    full = in_turn ? full + last : std::max(full, last);
    return true;
  };
  for (std::size_t i = 0; i < devices.slots.size(); ++i) {
    if (!visit(reads.slots[i], layout.slots[i], devices.slots[i].device.bandwidth_bytes_per_second.value_or(0)))
      return std::nullopt;
  }
  if (beside_host(candidate, devices)) {
    const std::uint64_t bandwidth = devices.host ? devices.host->slot.device.bandwidth_bytes_per_second.value_or(0) : 0;
    if (!visit(reads.host, layout.host, bandwidth)) return std::nullopt;
  }
  if (empty <= 0 || full <= 0) return std::nullopt;
  return SpeedBound{1 / empty, 1 / full};
}

}  // namespace weigh::core
