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
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

// Sliding layers get a pool of 0.8 of the tokens, states 0.9 of what keys and values get (docs/serving.md 6).
constexpr std::uint64_t kSlidingTenths = 8;
constexpr std::uint64_t kStateTenths = 9;

// What is kept free beside the share, by the card's size: so many hundredths of a GiB, and so many for each card.
struct Reserve {
  std::uint64_t below_mib;
  std::uint64_t hundredths;
  std::uint64_t for_each;
};
constexpr auto kReserves = std::to_array<Reserve>({
    {35'000, 280, 10},
    {90'000, 950, 50},
    {std::numeric_limits<std::uint64_t>::max(), 1200, 50},
});

std::uint64_t default_share(const ServedCard& card, std::uint64_t cards) {
  const std::uint64_t mib = card.memory_bytes / kMiB;
  const Reserve& row =
      *std::ranges::find_if(kReserves, [&](const Reserve& reserve) { return mib < reserve.below_mib; });
  const std::uint64_t reserved = hundredths(row.hundredths + row.for_each * cards);
  return scaled(minus(card.memory_bytes, reserved), kWholeShare, std::max<std::uint64_t>(card.memory_bytes, 1));
}

// Bytes on one card: of a token in the layers of a kind, and of a sequence's states.
struct Cell {
  std::uint64_t full = 0;
  std::uint64_t sliding = 0;
  std::uint64_t state = 0;

  void add_token(const LayerModel& layer, const RunModel& model, std::uint64_t bytes) {
    std::uint64_t& sum = layer.sliding && model.window != 0 ? sliding : full;
    sum = plus(sum, bytes);
  }
  // Stages divide the layers, and with them the bytes.
  [[nodiscard]] Cell of_one(std::uint64_t stages) const {
    return {divided_up(full, stages), divided_up(sliding, stages), divided_up(state, stages)};
  }
  [[nodiscard]] std::uint64_t cache(std::uint64_t length, std::uint64_t window) const {
    return plus(times(full, length), times(sliding, std::min(length, std::max<std::uint64_t>(window, 1))));
  }
  // Tokens of the pool. Where every layer slides there is one pool.
  [[nodiscard]] std::uint64_t tokens(std::uint64_t available) const {
    const std::uint64_t room = state == 0 ? available : scaled(available, 10, 10 + kStateTenths);
    const std::uint64_t tenths = full == 0 ? times(sliding, 10) : plus(times(full, 10), times(sliding, kSlidingTenths));
    return tenths == 0 ? 0 : scaled(room, 10, tenths);
  }
};

void add_compressed(const RunModel& model, const LayerModel& layer, Cell& cell) {
  const CompressedRow row = compressed_row(model, layer);
  cell.sliding = plus(cell.sliding, row.row);
  cell.state = plus(cell.state, cached_state_bytes(model, layer, 1).value_or(0));
  if (layer.compress_ratio == 0) return;
  cell.full = plus(cell.full, divided_up(plus(row.row, row.key), layer.compress_ratio));
}

// Nothing where a layer's bytes cannot be told.
std::optional<Cell> cell_of(const RunModel& model, const Run& run, std::uint64_t tensor_parallel) {
  Cell cell;
  for (const LayerModel& layer : model.layers) {
    if (layer.predicts) continue;
    if (model.compresses()) {
      add_compressed(model, layer, cell);
      continue;
    }
    const Bytes token = keeps_tokens(layer) ? cached_token_bytes(model, layer, run, tensor_parallel) : 0;
    const Bytes state = keeps_state(layer) ? cached_state_bytes(model, layer, tensor_parallel) : 0;
    if (!token || !state) return std::nullopt;
    cell.add_token(layer, model, *token);
    cell.state = plus(cell.state, *state);
  }
  return cell;
}

class Server {
 public:
  Server(const Model& source, const RunModel& model, const Run& run, std::span<const ServedCard> cards)
      : model_(model),
        run_(run),
        cards_(cards),
        shards_(shards_of(model, run.serving, cards.size())),
        weights_(served_weights(source, model, shards_, cards.front())),
        layers_(layers_of_stages(model.layers.size(), shards_.pipeline)),
        share_(run.serving.share.value_or(default_share(cards.front(), shards_.cards()))) {
    if (const auto cell = cell_of(model, run, shards_.tensor)) cell_ = cell->of_one(shards_.pipeline);
  }

  ServingStart serve() {
    Serving& serving = result_.serving;
    result_.shards = shards_;
    serving.length = std::max<std::uint64_t>(sequence_tokens(model_, run_), 1);
    serving.outside_bytes = outside_of_tensors(shards_.cards());
    serving.devices = std::min<std::uint64_t>(shards_.cards(), cards_.size());
    serving.block_tokens = 1;
    for (std::size_t card = 0; card < cards_.size(); ++card) add(card);
    count_requests();
    set_error();
    set_words();
    return std::move(result_);
  }

 private:
  // The card with the fewest tokens decides for all.
  void add(std::size_t card) {
    Serving& serving = result_.serving;
    CardStart& start = result_.cards.emplace_back();
    start.need = MemoryNeed::none();
    start.safe_bytes = start.limit_bytes = cards_[card].total_bytes;
    start.share = kWholeShare;
    if (card >= serving.devices) return;
    const std::size_t stage = card / shards_.tensor;
    const std::uint64_t given = minus(cards_[card].total_bytes, serving.outside_bytes);
    const std::uint64_t requested = scaled(given, share_, kWholeShare);
    const std::int64_t left = signed_difference(requested, plus(weights_[stage], cards_[card].taken_bytes));
    const std::int64_t available = run_.serving.pool_bytes ? signed_difference(*run_.serving.pool_bytes, 0) : left;
    start.layers = layers_[stage];
    start.need.weights = weights_[stage];
    start.need.compute = given - requested;
    start.need.overhead = serving.outside_bytes;
    start.need.kv_cache = start.need.state = std::nullopt;
    std::uint64_t tokens = 0;
    if (cell_) {
      start.need.kv_cache = times(cell_->cache(serving.length, model_.window), run_.sequences);
      start.need.state = times(cell_->state, run_.sequences);
      tokens = cell_->tokens(static_cast<std::uint64_t>(std::max<std::int64_t>(available, 0)));
    }
    if (card != 0 && tokens >= serving.pool_tokens) return;
    serving.pool_tokens = tokens;
    serving.requested_bytes = requested;
    serving.weight_bytes = weights_[stage];
    serving.available_bytes = available;
    serving.kept_free_bytes = given - requested;
  }

  void count_requests() {
    Serving& serving = result_.serving;
    serving.blocks = serving.pool_tokens;
    serving.blocks_per_request = serving.token_blocks = serving.length;
    serving.max_concurrency = static_cast<double>(serving.pool_tokens) / static_cast<double>(serving.length);
    if (!cell_) return;
    serving.block_bytes = plus(cell_->full, cell_->sliding);
    serving.request_bytes = cell_->cache(serving.length, model_.window);
    const std::uint64_t most = std::max(serving.length, model_.trained_context.value_or(serving.length));
    if (serving.pool_tokens != 0) serving.longest = std::min(serving.pool_tokens, most);
  }

  void set_error() {
    Serving& serving = result_.serving;
    if (shards_.cards() > cards_.size()) {
      serving.error = fmt::format("{} cards asked for, {} there", shards_.cards(), cards_.size());
    } else if (cell_ && serving.pool_tokens == 0) {
      serving.error = "Not enough memory. Please try to increase --mem-fraction-static.";
    } else if (cell_ && serving.pool_tokens < serving.length) {
      serving.error =
          fmt::format("a request of {} tokens is longer than the pool of {}", serving.length, serving.pool_tokens);
    }
    serving.starts = serving.error.empty();
  }

  void set_words() {
    Serving& serving = result_.serving;
    const std::uint64_t thousandths = share_ / 10;
    const std::string share = fmt::format("{}.{:03}", thousandths / 1000, thousandths % 1000);
    if (!run_.serving.share) serving.assumptions.push_back("mem_fraction_static " + share + ", as of 0.4.8");
    serving.flags = {"--context-length", std::to_string(serving.length), "--mem-fraction-static", share};
    const auto add_shards = [&](std::string_view flag, std::uint64_t count) {
      if (count > 1) result_.shard_flags.insert(result_.shard_flags.end(), {std::string(flag), std::to_string(count)});
    };
    add_shards("--tp", shards_.tensor);
    add_shards("--pp", shards_.pipeline);
  }

  const RunModel& model_;
  const Run& run_;
  std::span<const ServedCard> cards_;
  Shards shards_;
  std::vector<std::uint64_t> weights_;
  std::vector<std::uint64_t> layers_;
  std::uint64_t share_;
  std::optional<Cell> cell_;
  ServingStart result_;
};

}  // namespace

ServingStart sglang_serve(const Model& source, const RunModel& model, const Run& run,
                          std::span<const ServedCard> cards) {
  return Server(source, model, run, cards).serve();
}

ContextNeed sglang_need(const RunModel& model, const Run& run) {
  const std::uint64_t length = std::max<std::uint64_t>(sequence_tokens(model, run), 1);
  ContextNeed counted{.need = MemoryNeed::none(), .context = times(length, run.sequences)};
  counted.need.overhead = counted.need.kv_cache = counted.need.state = std::nullopt;
  if (const auto cell = cell_of(model, run, 1)) {
    counted.need.kv_cache = times(cell->cache(length, model.window), run.sequences);
    counted.need.state = times(cell->state, run.sequences);
  }
  return counted;
}

}  // namespace weigh::core
