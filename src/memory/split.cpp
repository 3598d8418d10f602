#include "src/memory/split.h"

#include <algorithm>
#include <numeric>

#include "formats/checked.h"
#include "src/memory/cache.h"
#include "src/memory/compute.h"
#include "src/memory/weights.h"

namespace weigh::core {

namespace {

constexpr std::size_t kHost = kOnHost;

// Which memory each slot goes to: the blocks in their order, then the output layer.
struct Slots {
  std::vector<std::size_t> blocks;
  std::size_t output = kHost;
};

// The first device whose cumulative share exceeds the slot's place among the offloaded ones.
std::size_t device_of(std::uint64_t slot, std::uint64_t slots, std::span<const double> proportions) {
  const double total = std::accumulate(proportions.begin(), proportions.end(), 0.0);
  double cumulative = 0;
  for (std::size_t i = 0; i + 1 < proportions.size(); ++i) {
    cumulative += proportions[i] / total;
    if (static_cast<double>(slot) / static_cast<double>(slots) < cumulative) return i;
  }
  return proportions.size() - 1;
}

Slots assign(const RunModel& model, const Run& run, std::span<const double> proportions) {
  const std::uint64_t blocks = model.layers.size();
  const std::uint64_t offloaded = proportions.empty() ? 0 : std::min(run.gpu_layers.value_or(blocks + 1), blocks + 1);
  const std::uint64_t first = blocks + 1 - offloaded;
  Slots slots{.blocks = std::vector<std::size_t>(model.layers.size(), kHost)};
  for (std::uint64_t i = first; i < blocks; ++i) {
    slots.blocks[static_cast<std::size_t>(i)] = device_of(i - first, offloaded, proportions);
  }
  if (offloaded > 0) slots.output = device_of(blocks - first, offloaded, proportions);
  return slots;
}

bool is_dense_ffn(std::string_view name) { return name == "ffn_up" || name == "ffn_gate" || name == "ffn_down"; }

void add(Bytes& sum, Bytes bytes) { sum = plus(sum, bytes); }

class Filler {
 public:
  Filler(const RunModel& model, const Run& run, const WeightParts& weights, const WeightTable& table,
         ComputeGraphs& graphs, const Slots& slots)
      : model_(model),
        run_(run),
        weights_(weights),
        table_(table),
        graphs_(graphs),
        slots_(slots),
        caches_(layer_caches(model, run)) {}

  SplitNeed fill(std::size_t devices) {
    split_.devices.resize(devices);
    for (SplitPart& part : split_.devices) start(part);
    start(split_.host);
    for (std::size_t i = 0; i < model_.layers.size(); ++i) put_block(i);
    put_ends();
    set_compute();
    return std::move(split_);
  }

 private:
  SplitPart& at(std::size_t place) { return place == kHost ? split_.host : split_.devices[place]; }

  void start(SplitPart& part) const {
    part.need.weights = 0;
    if (caches_) part.need.kv_cache = part.need.state = 0;
  }

  void put_block(std::size_t i) {
    SplitPart& part = at(slots_.blocks[i]);
    const WeightParts::Block& block = weights_.blocks[i];
    const std::uint64_t kept = kept_on_host(weights_, i, run_).bytes;
    add(part.need.weights, block.bytes - kept);
    add(split_.host.need.weights, kept);
    ++part.blocks;
    if (!caches_) return;
    add(part.need.kv_cache, (*caches_)[i].kv);
    add(part.need.state, (*caches_)[i].state);
  }

  void put_ends() {
    add(split_.host.need.weights, weights_.input);
    SplitPart& output = at(slots_.output);
    output.output = true;
    add(output.need.weights, weights_.output);
    // On the host it is the same tensor for both ends, but for the architectures that copy it.
    if (weights_.tied) add(output.need.weights, slots_.output == kHost ? weights_.copied : weights_.embeddings);
    for (SplitPart& part : split_.devices) put_tables(part);
    put_tables(split_.host);
  }

  void put_tables(SplitPart& part) const {
    if (part.blocks != 0) add(part.need.weights, weights_.everywhere);
  }

  void set_compute() {
    split_.host.need.logits = host_output_bytes(model_, run_);
    for (SplitPart& part : split_.devices) part.need.logits = 0;
    const std::vector<std::uint64_t> bytes = split_compute_bytes(model_, graphs_.of(model_, run_), placement());
    if (bytes.empty()) return;
    for (std::size_t i = 0; i < split_.devices.size(); ++i) split_.devices[i].need.compute = bytes[i];
    split_.host.need.compute = bytes.back();
  }

  [[nodiscard]] GraphPlacement placement() const {
    GraphPlacement placement{.backends = static_cast<int>(split_.devices.size()) + 1};
    const auto backend = [host = placement.host()](std::size_t place) {
      return place == kHost ? host : static_cast<int>(place);
    };
    for (const std::size_t place : slots_.blocks) placement.caches.push_back(backend(place));
    placement.all_on_devices = slots_.output != kHost && std::ranges::count(slots_.blocks, kHost) == 0;
    placement.largest_chunk = run_.device_chunk;
    placement.weight = [this, backend](std::int32_t layer, std::string_view name) {
      return backend(home_of(layer, name));
    };
    placement.weight_bytes = [this](std::int32_t layer, std::string_view name) { return bytes_of(layer, name); };
    return placement;
  }

  [[nodiscard]] std::size_t home_of(std::int32_t layer, std::string_view name) const {
    const auto block = static_cast<std::size_t>(layer);
    if (layer < 0 || block >= slots_.blocks.size()) return name.starts_with("output") ? slots_.output : kHost;
    const bool kept =
        name.ends_with("exps") ? block < run_.cpu_moe_layers : is_dense_ffn(name) && block < run_.cpu_ffn_layers;
    return kept ? kHost : slots_.blocks[block];
  }

  // The largest there is where the file does not name its tensors so.
  [[nodiscard]] std::uint64_t bytes_of(std::int32_t layer, std::string_view name) const {
    if (const Bytes bytes = table_.bytes(layer, name)) return *bytes;
    const auto block = static_cast<std::size_t>(layer);
    if (layer < 0 || block >= weights_.blocks.size()) return name == "output" ? weights_.embeddings : 0;
    const WeightParts::Block& parts = weights_.blocks[block];
    return name.ends_with("exps") ? parts.largest_expert : parts.largest;
  }

  const RunModel& model_;
  const Run& run_;
  const WeightParts& weights_;
  const WeightTable& table_;
  ComputeGraphs& graphs_;
  const Slots& slots_;
  std::optional<std::vector<LayerCache>> caches_;
  SplitNeed split_;
};

}  // namespace

SplitNeed split_need(const Model& source, const RunModel& model, const Run& run, std::span<const double> proportions) {
  ComputeGraphs graphs;
  return split_need(model, weight_parts(source, model), WeightTable(source), graphs, run, proportions);
}

SplitNeed split_need(const RunModel& model, const WeightParts& weights, const WeightTable& table, ComputeGraphs& graphs,
                     const Run& run, std::span<const double> proportions) {
  const Slots slots = assign(model, run, proportions);
  return Filler(model, run, weights, table, graphs, slots).fill(proportions.size());
}

std::vector<std::size_t> homes_of_blocks(const RunModel& model, const Run& run, std::span<const double> proportions) {
  return assign(model, run, proportions).blocks;
}

std::uint64_t loaded_weights(const WeightParts& weights) {
  SaturatingSum sum{.value = weights.input};
  sum.add(weights.copied);
  sum.add(weights.output);
  sum.add(weights.everywhere);
  for (const WeightParts::Block& block : weights.blocks) sum.add(block.bytes);
  return sum.value;
}

}  // namespace weigh::core
