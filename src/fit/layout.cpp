// Which device carries which layers.
#include "src/fit/layout.h"

#include <algorithm>
#include <utility>

#include "formats/checked.h"
#include "src/fit/serving.h"
#include "src/memory/cache.h"
#include "src/memory/compute.h"

namespace weigh::core {

namespace {

// What goes to a device as a whole: a block, or what comes before or after the blocks.
struct Piece {
  std::uint64_t weights = 0;
  std::uint64_t kv_cache = 0;
  std::uint64_t state = 0;
  bool block = true;
  bool output = false;

  [[nodiscard]] std::uint64_t bytes() const { return plus(plus(weights, kv_cache), state); }
};

// A run cut into pieces, and what each device needs besides.
struct Pieces {
  std::vector<Piece> list;
  bool caches_known = true;
  Bytes compute;  // of a device without the output layer
  Bytes compute_with_output;
  std::uint64_t everywhere = 0;
};

std::uint64_t offloaded_from(const Candidate& candidate, const Run& run) {
  const std::uint64_t blocks = candidate.parts().blocks.size();
  const std::uint64_t offloaded = std::min(run.gpu_layers.value_or(blocks + 1), blocks + 1);
  return blocks + 1 - offloaded;
}

void add_blocks(const Candidate& candidate, const Run& run, std::uint64_t first, Pieces& pieces) {
  const auto caches = layer_caches(*candidate.run_model(), run);
  pieces.caches_known = caches.has_value();
  const auto& blocks = candidate.parts().blocks;
  for (auto i = static_cast<std::size_t>(first); i < blocks.size(); ++i) {
    const std::uint64_t kept = kept_on_host(candidate.parts(), i, run).bytes;
    Piece piece{.weights = blocks[i].bytes - kept};
    if (caches) {
      piece.kv_cache = (*caches)[i].kv;
      piece.state = (*caches)[i].state;
    }
    pieces.list.push_back(piece);
  }
}

// llama.cpp beside a host: from the first offloaded block to the output layer.
Pieces pieces_beside_host(Candidate& candidate, const Run& run) {
  const WeightParts& parts = candidate.parts();
  Pieces pieces;
  const std::uint64_t first = offloaded_from(candidate, run);
  add_blocks(candidate, run, first, pieces);
  if (first <= parts.blocks.size()) {
    const std::uint64_t output = plus(parts.output, parts.tied ? parts.embeddings : 0);
    pieces.list.push_back({.weights = output, .block = false, .output = true});
  }
  // Several devices that hold everything keep the inputs in four copies, to work in turns (docs/memory-rules.md 5.5).
  const bool in_turns = first == 0 && run.cpu_moe_layers == 0 && run.cpu_ffn_layers == 0;
  const SplitNeed split = candidate.split(run);
  const Bytes copies = in_turns ? split.host.need.compute : Bytes(0);
  const Bytes three = copies ? Bytes(times(3, *copies)) : std::nullopt;
  Run few_rows = run;  // the rows of logits are those of the device that holds the output
  few_rows.outputs = run.sequences;
  pieces.compute_with_output = saturating_plus(split.devices.front().need.compute, three);
  pieces.compute = saturating_plus(candidate.split(few_rows).devices.front().need.compute, three);
  pieces.everywhere = parts.everywhere;
  return pieces;
}

// Everything, the input layer first, for memory that has no host beside it and for engines that load all of it.
Pieces all_pieces(Candidate& candidate, const Run& run) {
  const WeightParts& parts = candidate.parts();
  const MemoryNeed& whole = candidate.whole(run).need;
  Pieces pieces;
  pieces.list.push_back({.weights = plus(parts.input, parts.everywhere), .block = false});
  add_blocks(candidate, run, 0, pieces);
  const std::uint64_t copied = candidate.engine() == Engine::LlamaCpp ? parts.copied : 0;
  pieces.list.push_back({.weights = plus(parts.output, copied), .block = false, .output = true});
  pieces.compute = pieces.compute_with_output = whole.compute;
  // Each engine has its own idea of a cache; llama.cpp's says how it spreads over the layers.
  SaturatingSum cache;
  SaturatingSum state;
  for (const Piece& piece : pieces.list) {
    cache.add(piece.kv_cache);
    state.add(piece.state);
  }
  pieces.caches_known = whole.kv_cache && whole.state;
  for (Piece& piece : pieces.list) {
    if (cache.value != 0) piece.kv_cache = scaled(piece.kv_cache, whole.kv_cache.value_or(0), cache.value);
    if (state.value != 0) piece.state = scaled(piece.state, whole.state.value_or(0), state.value);
  }
  return pieces;
}

// A GPU turns a quantized cache into 16 bits before it works with it, layer by layer. A plain size may not be a GPU.
Bytes conversion_bytes(const Candidate& candidate, const Run& run, const Device& device) {
  const bool gpu = device.kind != DeviceKind::Cpu && device.kind != DeviceKind::Size;
  if (!gpu || candidate.engine() != Engine::LlamaCpp || candidate.run_model() == nullptr) return 0;
  return cache_conversion_bytes(*candidate.run_model(), run);
}

// Pieces per slot, in order.
using Counts = std::vector<std::size_t>;

// Fills one slot after the other up to `permille` of its room; nothing when pieces are left.
std::optional<Counts> fill(const Pieces& pieces, const std::vector<std::uint64_t>& rooms,
                           const std::vector<std::uint64_t>& overheads, std::uint64_t permille) {
  Counts counts(rooms.size(), 0);
  std::vector<std::uint64_t> limits;
  for (const std::uint64_t room : rooms) limits.push_back(scaled(room, permille, 1000));
  std::size_t slot = 0;
  std::uint64_t used = 0;
  for (const Piece& piece : pieces.list) {
    const std::uint64_t compute = (piece.output ? pieces.compute_with_output : pieces.compute).value_or(0);
    while (slot < rooms.size()) {
      const std::uint64_t fixed = plus(plus(compute, overheads[slot]), pieces.everywhere);
      const std::uint64_t wanted = plus(plus(used, piece.bytes()), fixed);
      if (wanted <= limits[slot]) break;
      ++slot;
      used = 0;
    }
    if (slot == rooms.size()) return std::nullopt;
    used = plus(used, piece.bytes());
    ++counts[slot];
  }
  return counts;
}

// The fill that leaves every slot the largest share of its room free.
std::optional<Counts> fill_evenly(const Pieces& pieces, const std::vector<std::uint64_t>& rooms,
                                  const std::vector<std::uint64_t>& overheads, std::uint64_t most) {
  if (!fill(pieces, rooms, overheads, most)) return std::nullopt;
  std::uint64_t too_little = 0;
  while (most - too_little > 1) {
    const std::uint64_t middle = too_little + (most - too_little) / 2;
    (fill(pieces, rooms, overheads, middle) ? most : too_little) = middle;
  }
  return fill(pieces, rooms, overheads, most);
}

Counts choose_counts(const Pieces& pieces, const DeviceSet& devices, const std::vector<std::uint64_t>& overheads) {
  std::vector<std::uint64_t> safe;
  std::vector<std::uint64_t> limit;
  for (const Slot& slot : devices.slots) {
    const Budget& budget = slot.budget;
    safe.push_back(budget.safe);
    limit.push_back(budget.limit);
  }
  if (auto counts = fill_evenly(pieces, safe, overheads, 1000)) return *counts;
  if (auto counts = fill_evenly(pieces, limit, overheads, 1000)) return *counts;
  if (auto counts = fill_evenly(pieces, safe, overheads, 1'000'000)) return *counts;
  Counts counts(devices.slots.size(), 0);
  counts.back() = pieces.list.size();
  return counts;
}

// What is taken of each slot before the first layer: overhead, and the companions as if the slots shared them by their
// budgets, which is about how the layers will lie.
std::vector<std::uint64_t> taken_before(Candidate& candidate, const Run& run, const DeviceSet& devices, bool split) {
  std::vector<std::uint64_t> taken;
  std::vector<std::uint64_t> shares;
  for (const Slot& slot : devices.slots) {
    taken.push_back(plus(engine_overhead(slot.device), conversion_bytes(candidate, run, slot.device).value_or(0)));
    shares.push_back(slot.budget.safe);
  }
  for (const CompanionNeed& needs : companion_needs(candidate, run, shares, split)) {
    for (std::size_t i = 0; i < taken.size(); ++i) taken[i] = plus(taken[i], needs.slots[i].total());
  }
  return taken;
}

Layout spread(Candidate& candidate, const Run& run, const Pieces& pieces, const DeviceSet& devices, bool split) {
  Layout layout;
  const Counts counts = choose_counts(pieces, devices, taken_before(candidate, run, devices, split));
  auto piece = pieces.list.begin();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    MemoryNeed need = MemoryNeed::none();
    std::uint64_t blocks = 0;
    bool output = false;
    for (std::size_t n = 0; n < counts[i]; ++n, ++piece) {
      need.weights = saturating_plus(need.weights, piece->weights);
      need.kv_cache = saturating_plus(need.kv_cache, piece->kv_cache);
      need.state = saturating_plus(need.state, piece->state);
      blocks += piece->block ? 1 : 0;
      output = output || piece->output;
    }
    if (counts[i] != 0) {
      need.weights = saturating_plus(need.weights, pieces.everywhere);
      need.compute = output ? pieces.compute_with_output : pieces.compute;
      need.overhead = engine_overhead(devices.slots[i].device);
    }
    if (!pieces.caches_known) need.kv_cache = need.state = std::nullopt;
    if (output) layout.output = i;
    layout.slots.push_back(need);
    layout.layers.push_back(blocks);
    layout.shares.push_back(counts[i]);
  }
  return layout;
}

// Devices of a start, which the engine deals the layers out to.
Layout served(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  Layout layout;
  layout.start = serve(candidate, run, devices);
  for (const CardStart& card : layout.start->cards) {
    layout.slots.push_back(card.need);
    layout.layers.push_back(card.layers);
    layout.shares.push_back(1);
  }
  const Shards& shards = layout.start->shards;
  if (shards.pipeline > 1) layout.output = std::min<std::uint64_t>(shards.cards(), layout.slots.size()) - 1;
  return layout;
}

Layout in_one_memory(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  MemoryNeed need = candidate.whole(run).need;
  need.overhead = engine_overhead(devices.slots.front().device);
  if (!need.logits) need.logits = 0;
  const std::uint64_t blocks = candidate.parts().blocks.size();
  return {.slots = {with_logits_in(&MemoryNeed::overhead, need)},
          .layers = {blocks},
          .shares = {blocks + 1},
          .output = 0,
          .host = {}};
}

Layout on_one_device(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  const SplitPart& part = candidate.split(run).devices.front();
  MemoryNeed need = need_of(part);
  need.overhead = engine_overhead(devices.slots.front().device);
  return {.slots = {need},
          .layers = {part.blocks},
          .shares = {part.blocks + (part.output ? 1 : 0)},
          .output = part.output ? std::optional<std::size_t>(0) : std::nullopt,
          .host = {}};
}

void set_host(Candidate& candidate, const Run& run, Layout& layout) {
  const SplitPart& host = candidate.split(run).host;
  Device cpu;
  cpu.kind = DeviceKind::Cpu;
  layout.host = need_of(host);
  layout.host.overhead = engine_overhead(cpu);
  layout.host_layers = host.blocks;
}

void add_companions(Candidate& candidate, const Run& run, const DeviceSet& devices, bool split, Layout& layout) {
  layout.companions = companion_needs(candidate, run, layout.shares, split);
  for (CompanionNeed& needs : layout.companions) {
    for (std::size_t i = 0; i < needs.slots.size(); ++i) {
      if (needs.companion->role == CompanionRole::Projector || needs.slots[i].kv_cache.value_or(0) == 0) continue;
      const Bytes conversion = conversion_bytes(*candidate.draft(), draft_run(candidate, run), devices.slots[i].device);
      needs.slots[i].compute = saturating_plus(needs.slots[i].compute, conversion);
    }
    for (std::size_t i = 0; i < layout.slots.size(); ++i) layout.slots[i] = plus(layout.slots[i], needs.slots[i]);
    if (split) layout.host = plus(layout.host, needs.host);
  }
}

}  // namespace

bool beside_host(const Candidate& candidate, const DeviceSet& devices) {
  return candidate.engine() == Engine::LlamaCpp && candidate.run_model() != nullptr && devices.host.has_value();
}

Layout lay_out(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  const bool split = beside_host(candidate, devices);
  Layout layout;
  if (is_served(candidate)) {
    layout = served(candidate, run, devices);
  } else if (devices.slots.size() == 1) {
    layout = split ? on_one_device(candidate, run, devices) : in_one_memory(candidate, run, devices);
  } else {
    const Pieces pieces = split ? pieces_beside_host(candidate, run) : all_pieces(candidate, run);
    layout = spread(candidate, run, pieces, devices, split);
  }
  if (split) set_host(candidate, run, layout);
  for (std::size_t i = 0; i < layout.slots.size(); ++i) {
    if (layout.layers[i] == 0) continue;
    const Bytes conversion = conversion_bytes(candidate, run, devices.slots[i].device);
    layout.slots[i].compute = saturating_plus(layout.slots[i].compute, conversion);
  }
  add_companions(candidate, run, devices, split, layout);
  // A part that is not known of the whole run is not known of its parts.
  const MemoryNeed& whole = candidate.whole(run).need;
  const auto forget = [&](MemoryNeed& need) {
    if (!whole.kv_cache) need.kv_cache = std::nullopt;
    if (!whole.compute) need.compute = std::nullopt;
  };
  for (MemoryNeed& need : layout.slots) forget(need);
  if (split) forget(layout.host);
  return layout;
}

}  // namespace weigh::core
