#include "src/memory/vllm/vllm.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "src/memory/vllm/pages.h"
#include "src/memory/vllm/pool.h"
#include "src/memory/vllm/start.h"
#include "src/memory/vllm/working_memory.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kWholeShare = 10'000;

std::string share_text(std::uint64_t share) {
  std::string text = fmt::format("{:.4f}", static_cast<double>(share) / kWholeShare);
  while (text.ends_with('0') && !text.ends_with(".00")) text.pop_back();
  return text.size() > 4 && text.ends_with('0') ? text.substr(0, 4) : text;
}

// The share that takes all of a card that is the engine's alone.
std::uint64_t share_of(const VllmStart& start, const Run& run, const ServedCard& card) {
  return card.whole && !run.serving.share ? kWholeShare : start.share;
}

class Server {
 public:
  Server(const Model& source, const RunModel& model, const Run& run, std::span<const ServedCard> cards)
      : model_(model),
        run_(run),
        cards_(cards),
        start_(vllm_start(model, run, cards.front(), cards.size())),
        pages_(cache_pages(model, run, start_)),
        weights_(served_weights(source, model, start_.shards, cards.front())) {
    start_.max_sequences = std::max(start_.max_sequences, run.sequences);
  }

  ServingStart serve() {
    Serving& serving = result_.serving;
    serving.version = fmt::format("{}.{}", start_.version.major, start_.version.minor);
    serving.length = start_.length;
    result_.shards = start_.shards;
    serving.activation_bytes = vllm_activation(model_, start_);
    serving.outside_bytes = vllm_outside(start_);
    serving.graph_bytes = vllm_graphs(model_, start_);
    serving.counted_graph_bytes = counts_graphs(start_.version) ? serving.graph_bytes : 0;
    for (std::size_t i = 0; i < cards_.size(); ++i) result_.cards.push_back(card_start(i));
    if (start_.shards.cards() <= cards_.size()) {
      serving.devices = start_.shards.cards();
      decide();
    }
    serving.error = error();
    serving.starts = serving.error.empty();
    assume();
    set_flags();
    return std::move(result_);
  }

 private:
  [[nodiscard]] std::size_t stage_of(std::size_t card) const { return card / start_.shards.tensor; }
  [[nodiscard]] bool works(std::size_t card) const { return card < start_.shards.cards(); }
  [[nodiscard]] std::uint64_t requested(std::size_t card) const {
    const ServedCard& one = cards_[card];
    return divided_up(times(one.total_bytes, share_of(start_, run_, one)), kWholeShare);
  }
  // What stands in the share beside weights and cache.
  [[nodiscard]] std::uint64_t working() const {
    return plus(result_.serving.activation_bytes, result_.serving.counted_graph_bytes);
  }

  [[nodiscard]] std::int64_t available(std::size_t card) const {
    if (start_.pool_bytes) return signed_difference(*start_.pool_bytes, 0);
    const std::uint64_t taken =
        plus(plus(weights_[stage_of(card)], result_.serving.outside_bytes), plus(working(), cards_[card].taken_bytes));
    return signed_difference(requested(card), taken);
  }

  [[nodiscard]] CardStart card_start(std::size_t card) const {
    CardStart start;
    start.need = MemoryNeed::none();
    start.limit_bytes = cards_[card].total_bytes;
    start.safe_bytes = std::min(requested(card), start.limit_bytes);
    start.share = share_of(start_, run_, cards_[card]);
    if (!works(card)) return start;
    const std::size_t stage = stage_of(card);
    start.layers = layers_of_stages(model_.layers.size(), start_.shards.pipeline)[stage];
    start.need.weights = weights_[stage];
    start.need.compute = working();
    start.need.overhead = result_.serving.outside_bytes;
    start.need.kv_cache = start.need.state = std::nullopt;
    if (pages_) {
      // A window is reserved for more than it holds; what a request's own tokens fill is a batch behind it.
      const RequestBlocks blocks = request_blocks(*pages_, start_, start_.length, 1);
      const std::uint64_t bytes = times(pages_->stage_block_bytes[stage], run_.sequences);
      start.need.kv_cache = times(blocks.of_tokens, bytes);
      start.need.state = times(blocks.of_states, bytes);
    }
    return start;
  }

  // The card with the fewest blocks decides for all.
  void decide() {
    Serving& serving = result_.serving;
    std::size_t least = 0;
    for (std::size_t card = 1; card < start_.shards.cards(); ++card) {
      if (available(card) < available(least)) least = card;
    }
    std::uint64_t blocks = std::numeric_limits<std::uint64_t>::max();
    for (std::size_t card = 0; pages_ && card < start_.shards.cards(); ++card) {
      const std::uint64_t bytes = std::max<std::uint64_t>(pages_->stage_block_bytes[stage_of(card)], 1);
      blocks = std::min(blocks, room(card) / bytes);
    }
    serving.requested_bytes = requested(least);
    serving.weight_bytes = weights_[stage_of(least)];
    serving.available_bytes = available(least);
    if (!pages_) return;
    const RequestBlocks own = request_blocks(*pages_, start_, start_.length, 1);
    serving.token_blocks = own.of_tokens;
    serving.state_blocks = own.of_states;
    serving.block_bytes = pages_->stage_block_bytes[stage_of(least)];
    const std::uint64_t most = std::max(start_.length, model_.trained_context.value_or(start_.length));
    pool_ = cache_pool(*pages_, start_, room(least), blocks, most);
    serving.block_tokens = pages_->largest_page();
    serving.blocks = pool_.blocks;
    serving.blocks_per_request = pool_.blocks_per_request;
    serving.request_bytes = pool_.request_bytes;
    serving.pool_tokens = pool_.tokens;
    serving.max_concurrency = pool_.concurrency;
    serving.longest = pool_.longest;
  }

  [[nodiscard]] std::uint64_t room(std::size_t card) const {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(available(card), 0));
  }

  // docs/serving.md 5, in the order in which vLLM comes to them.
  [[nodiscard]] std::string error() const {
    if (start_.shards.cards() > cards_.size()) {
      return fmt::format("World size ({}) is larger than the number of available GPUs ({}) in this node",
                         start_.shards.cards(), cards_.size());
    }
    for (const LayerModel& layer : model_.layers) {
      if (layer.heads % start_.shards.tensor == 0) continue;
      return fmt::format("Total number of attention heads ({}) must be divisible by tensor parallel size ({})",
                         layer.heads, start_.shards.tensor);
    }
    if (start_.shards.tensor % start_.context_parallel != 0) {
      return fmt::format("tp_size={} must be divisible by dcp_size={}", start_.shards.tensor, start_.context_parallel);
    }
    for (std::size_t card = 0; card < start_.shards.cards(); ++card) {
      if (std::string why = error_before_cache(card); !why.empty()) return why;
    }
    if (!pages_) return {};
    const Serving& serving = result_.serving;
    if (serving.available_bytes <= 0) {
      return fmt::format("No available memory for the cache blocks (Available KV cache memory: {})",
                         gib_text(serving.available_bytes));
    }
    if (!pool_.holds_one) return too_long();
    const bool has_states =
        std::ranges::any_of(pages_->groups, [](const PageGroup& group) { return group.kind == PageKind::State; });
    if (has_states && start_.graphs && pool_.blocks < start_.max_sequences) {
      return fmt::format("max_num_seqs ({}) exceeds available Mamba cache blocks ({})", start_.max_sequences,
                         pool_.blocks);
    }
    return {};
  }

  [[nodiscard]] std::string error_before_cache(std::size_t index) const {
    const ServedCard& card = cards_[index];
    const std::uint64_t asked = requested(index);
    if (card.free_bytes && *card.free_bytes < asked && !start_.pool_bytes) {
      return fmt::format(
          "Free memory on device ({}/{}) on startup is less than desired GPU memory utilization ({}, {})",
          gib_text(signed_difference(*card.free_bytes, 0)), gib_text(signed_difference(card.total_bytes, 0)),
          share_text(start_.share), gib_text(signed_difference(asked, 0)));
    }
    const std::uint64_t loaded = plus(weights_[stage_of(index)], result_.serving.outside_bytes);
    if (loaded > card.total_bytes) {
      return fmt::format("CUDA out of memory while loading: weights of {} on a card of {}",
                         gib_text(signed_difference(weights_[stage_of(index)], 0)),
                         gib_text(signed_difference(card.total_bytes, 0)));
    }
    const std::uint64_t rest = minus(card.total_bytes, asked);
    if (!card.whole && !counts_graphs(start_.version) && result_.serving.graph_bytes > rest) {
      return fmt::format("CUDA out of memory while capturing graphs: about {} beside the share, of which {} are left",
                         gib_text(signed_difference(result_.serving.graph_bytes, 0)),
                         gib_text(signed_difference(rest, 0)));
    }
    return {};
  }

  [[nodiscard]] std::string too_long() const {
    const Serving& serving = result_.serving;
    if (!has_groups(start_.version)) {
      return fmt::format(
          "The model's max seq len ({}) is larger than the maximum number of tokens that can be stored in KV cache "
          "({})",
          start_.length, serving.pool_tokens);
    }
    std::string text = fmt::format(
        "To serve at least one request with the model's max seq len ({}), {} KV cache is needed, which is larger than "
        "the available KV cache memory ({})",
        start_.length, gib_text(signed_difference(serving.request_bytes, 0)), gib_text(serving.available_bytes));
    if (serving.longest) text += fmt::format("; the estimated maximum model length is {}", *serving.longest);
    return text;
  }

  void assume() {
    const ServingSettings& asked = run_.serving;
    std::vector<std::string>& list = result_.serving.assumptions;
    const auto add = [&](bool said, std::string text) {
      if (!said) list.push_back(std::move(text));
    };
    const ServedCard& card = cards_.front();
    const bool shares = !start_.pool_bytes && !(card.whole && !asked.share);
    add(asked.version.has_value(), fmt::format("vLLM {}", result_.serving.version));
    add(start_.version <= kNewestVllm,
        fmt::format("the rules of {}.{}, the newest known", kNewestVllm.major, kNewestVllm.minor));
    add(asked.share || !shares, fmt::format("gpu_memory_utilization {}", share_text(start_.share)));
    add(asked.max_sequences.has_value(), fmt::format("max_num_seqs {}", start_.max_sequences));
    add(asked.batched_tokens.has_value(), fmt::format("max_num_batched_tokens {}", start_.batched_tokens));
  }

  void set_flags() {
    const ServingSettings& asked = run_.serving;
    const auto add_to = [](std::vector<std::string>& flags, bool use, std::string_view flag, std::string value) {
      if (!use) return;
      flags.emplace_back(flag);
      if (!value.empty()) flags.push_back(std::move(value));
    };
    const auto add = [&](bool use, std::string_view flag, std::string value) {
      add_to(result_.serving.flags, use, flag, std::move(value));
    };
    const auto number = [](std::uint64_t value) { return std::to_string(value); };
    const Shards& shards = start_.shards;
    add_to(result_.shard_flags, shards.tensor > 1, "--tensor-parallel-size", number(shards.tensor));
    add_to(result_.shard_flags, shards.pipeline > 1, "--pipeline-parallel-size", number(shards.pipeline));
    add(true, "--max-model-len", number(start_.length));
    add(true, "--max-num-seqs", number(start_.max_sequences));
    add(true, "--max-num-batched-tokens", number(start_.batched_tokens));
    const bool whole = cards_.front().whole && !asked.share;
    add(!whole && !start_.pool_bytes, "--gpu-memory-utilization", share_text(start_.share));
    add(start_.pool_bytes.has_value(), "--kv-cache-memory-bytes", number(start_.pool_bytes.value_or(0)));
    add(start_.context_parallel > 1, "--decode-context-parallel-size", number(start_.context_parallel));
    add(start_.block_tokens.has_value(), "--block-size", number(start_.block_tokens.value_or(0)));
    add(!start_.graphs, "--enforce-eager", "");
    add(!start_.prefix_caching, "--no-enable-prefix-caching", "");
  }

  const RunModel& model_;
  const Run& run_;
  std::span<const ServedCard> cards_;
  VllmStart start_;
  std::optional<CachePages> pages_;
  std::vector<std::uint64_t> weights_;
  CachePool pool_;
  ServingStart result_;
};

}  // namespace

ServingStart vllm_serve(const Model& source, const RunModel& model, const Run& run, std::span<const ServedCard> cards) {
  return Server(source, model, run, cards).serve();
}

ContextNeed vllm_need(const RunModel& model, const Run& run) {
  Run alone = run;
  alone.serving.tensor_parallel = alone.serving.pipeline_parallel = 1;
  const VllmStart start = vllm_start(model, alone, {}, 1);
  ContextNeed counted{.need = MemoryNeed::none(), .context = times(start.length, run.sequences)};
  counted.need.overhead = std::nullopt;
  counted.need.compute = plus(vllm_activation(model, start), vllm_graphs(model, start));
  counted.need.kv_cache = counted.need.state = std::nullopt;
  if (const auto pages = cache_pages(model, run, start)) {
    const RequestBlocks blocks = request_blocks(*pages, start, start.length, 1);
    counted.need.kv_cache = product({blocks.of_tokens, pages->block_bytes, run.sequences});
    counted.need.state = product({blocks.of_states, pages->block_bytes, run.sequences});
  }
  return counted;
}

}  // namespace weigh::core
