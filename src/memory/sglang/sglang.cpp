#include "src/memory/sglang/sglang.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "formats/checked.h"
#include "src/memory/engines.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kWholeShare = 10'000;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

// Sliding layers get a pool of 0.8 of the tokens, states 0.9 of what keys and values get (docs/serving.md 6).
constexpr std::uint64_t kSlidingTenths = 8;
constexpr std::uint64_t kStateTenths = 9;

// What is kept free beside the share, by the card's size: up to `below` so many tenths of a GiB, and so many for each
// card of the run.
struct Reserve {
  std::uint64_t below_mib;
  std::uint64_t tenths;
  std::uint64_t tenths_per_card;
};
constexpr auto kReserves = std::to_array<Reserve>({
    {35'000, 28, 1},
    {90'000, 95, 5},
    {std::numeric_limits<std::uint64_t>::max(), 120, 5},
});

std::uint64_t default_share(const ServedCard& card, std::uint64_t cards) {
  const std::uint64_t mib = card.memory_bytes / kMiB;
  const Reserve& reserve = *std::ranges::find_if(kReserves, [&](const Reserve& row) { return mib < row.below_mib; });
  const std::uint64_t bytes = plus(reserve.tenths, times(reserve.tenths_per_card, cards)) * (kGiB / 10);
  return scaled(minus(card.memory_bytes, bytes), kWholeShare, std::max<std::uint64_t>(card.memory_bytes, 1));
}

// Bytes on one card of a token in the layers of a kind, and of a sequence's states.
struct Cell {
  std::uint64_t full = 0;
  std::uint64_t sliding = 0;
  std::uint64_t state = 0;
};

std::optional<Cell> cell_of(const RunModel& model, const Run& run, std::uint64_t tensor_parallel) {
  Cell cell;
  for (const LayerModel& layer : model.layers) {
    if (model.compresses()) {
      if (layer.predicts) continue;
      const CompressedRow row = compressed_row(model, layer);
      cell.sliding = plus(cell.sliding, row.row);
      cell.state = plus(cell.state, cached_state_bytes(model, layer, 1).value_or(0));
      if (layer.compress_ratio != 0) {
        cell.full = plus(cell.full, divided_up(plus(row.row, row.key), layer.compress_ratio));
      }
      continue;
    }
    if (keeps_tokens(layer)) {
      const Bytes bytes = cached_token_bytes(model, layer, run, tensor_parallel);
      if (!bytes) return std::nullopt;
      std::uint64_t& sum = layer.sliding && model.window != 0 ? cell.sliding : cell.full;
      sum = plus(sum, *bytes);
    }
    if (keeps_state(layer)) {
      const Bytes bytes = cached_state_bytes(model, layer, tensor_parallel);
      if (!bytes) return std::nullopt;
      cell.state = plus(cell.state, *bytes);
    }
  }
  return cell;
}

// Tokens of the pool. All layers that slide have a smaller one; without any that does not, it is the pool.
std::uint64_t pool_tokens(const Cell& cell, std::uint64_t available) {
  const std::uint64_t for_tokens = cell.state == 0 ? available : scaled(available, 10, 10 + kStateTenths);
  const std::uint64_t tenths =
      cell.full == 0 ? times(cell.sliding, 10) : plus(times(cell.full, 10), times(cell.sliding, kSlidingTenths));
  return tenths == 0 ? 0 : scaled(for_tokens, 10, tenths);
}

std::uint64_t cache_bytes(const RunModel& model, const Cell& cell, std::uint64_t length) {
  return plus(times(cell.full, length),
              times(cell.sliding, std::min(length, std::max<std::uint64_t>(model.window, 1))));
}

std::int64_t difference(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  const auto distance = static_cast<std::int64_t>(std::min(apart(a, b), kMost));
  return a >= b ? distance : -distance;
}

struct Part {
  std::uint64_t requested = 0;
  std::uint64_t kept_free = 0;  // of the card, for activations and graphs
  std::int64_t available = 0;
};

}  // namespace

ServingStart sglang_serve(const Model& source, const RunModel& model, const Run& run,
                          std::span<const ServedCard> cards) {
  ServingStart result;
  Serving& serving = result.serving;
  const Shards shards = shards_of(model, run.serving, cards.size());
  result.shards = shards;
  const auto weights = served_weights(source, model, shards, cards.front());
  const auto cell = cell_of(model, run, shards.tensor);
  const std::uint64_t working = std::min<std::uint64_t>(shards.cards(), cards.size());
  const std::uint64_t share = run.serving.share.value_or(default_share(cards.front(), shards.cards()));
  serving.length = std::max<std::uint64_t>(sequence_tokens(model, run), 1);
  serving.outside_bytes = outside_of_tensors(shards.cards());
  serving.devices = working;
  serving.block_tokens = 1;
  // Stages divide the layers, and with them a token's bytes.
  const auto divided = [&](std::uint64_t bytes) { return divided_up(bytes, shards.pipeline); };
  const auto part_of = [&](const ServedCard& card, std::uint64_t loaded) {
    const std::uint64_t given = minus(card.total_bytes, serving.outside_bytes);
    const std::uint64_t taken = scaled(given, share, kWholeShare);
    const std::int64_t left = difference(taken, plus(loaded, card.taken_bytes));
    return Part{taken, given - taken, run.serving.pool_bytes ? difference(*run.serving.pool_bytes, 0) : left};
  };
  std::uint64_t tokens = std::numeric_limits<std::uint64_t>::max();
  for (std::size_t i = 0; i < cards.size(); ++i) {
    CardStart& start = result.cards.emplace_back();
    start.need = MemoryNeed::none();
    start.safe_bytes = start.limit_bytes = cards[i].total_bytes;
    start.share = kWholeShare;
    if (i >= working) continue;
    const std::size_t stage = std::min<std::size_t>(i / shards.tensor, weights.size() - 1);
    const Part part = part_of(cards[i], weights[stage]);
    start.layers = layers_of_stages(model.layers.size(), shards.pipeline)[stage];
    start.need.weights = weights[stage];
    start.need.compute = part.kept_free;
    start.need.overhead = serving.outside_bytes;
    start.need.kv_cache = start.need.state = std::nullopt;
    if (cell) {
      start.need.kv_cache = times(divided(cache_bytes(model, *cell, serving.length)), run.sequences);
      start.need.state = times(divided(cell->state), run.sequences);
    }
    const Cell here = cell ? Cell{divided(cell->full), divided(cell->sliding), divided(cell->state)} : Cell{};
    const auto room = static_cast<std::uint64_t>(std::max<std::int64_t>(part.available, 0));
    if (const std::uint64_t held = pool_tokens(here, room); i == 0 || held < tokens) {
      tokens = held;
      serving.requested_bytes = part.requested;
      serving.weight_bytes = weights[stage];
      serving.available_bytes = part.available;
      serving.kept_free_bytes = part.kept_free;
      serving.block_bytes = plus(here.full, here.sliding);
    }
  }
  serving.blocks = serving.pool_tokens = tokens;
  serving.blocks_per_request = serving.token_blocks = serving.length;
  if (cell) serving.request_bytes = divided(cache_bytes(model, *cell, serving.length));
  serving.max_concurrency = static_cast<double>(tokens) / static_cast<double>(serving.length);
  const std::uint64_t most = std::max(serving.length, model.trained_context.value_or(serving.length));
  if (tokens != 0) serving.longest = std::min(tokens, most);
  if (shards.cards() > cards.size()) {
    serving.error = fmt::format("{} cards asked for, {} there", shards.cards(), cards.size());
  } else if (cell && tokens < serving.length) {
    serving.error = tokens == 0
                        ? "Not enough memory. Please try to increase --mem-fraction-static."
                        : fmt::format("a request of {} tokens is longer than the pool of {}", serving.length, tokens);
  }
  serving.starts = serving.error.empty();
  const std::string share_text = fmt::format("{:.3f}", static_cast<double>(share / 10) / 1000);
  if (!run.serving.share) serving.assumptions.push_back("mem_fraction_static " + share_text + ", as of 0.4.8");
  serving.flags = {"--context-length", std::to_string(serving.length), "--mem-fraction-static", share_text};
  const auto add = [&](std::string_view flag, std::uint64_t cards_of) {
    if (cards_of > 1)
      result.shard_flags.insert(result.shard_flags.end(), {std::string(flag), std::to_string(cards_of)});
  };
  add("--tp", shards.tensor);
  add("--pp", shards.pipeline);
  return result;
}

ContextNeed sglang_need(const RunModel& model, const Run& run) {
  const std::uint64_t length = std::max<std::uint64_t>(sequence_tokens(model, run), 1);
  ContextNeed counted{.need = MemoryNeed::none(), .context = times(length, run.sequences)};
  counted.need.overhead = counted.need.kv_cache = counted.need.state = std::nullopt;
  if (const auto cell = cell_of(model, run, 1)) {
    counted.need.kv_cache = times(cache_bytes(model, *cell, length), run.sequences);
    counted.need.state = times(cell->state, run.sequences);
  }
  return counted;
}

}  // namespace weigh::core
