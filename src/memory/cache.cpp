#include "src/memory/cache.h"

#include <algorithm>
#include <array>
#include <limits>

#include "formats/checked.h"

namespace weigh::core {

namespace {

// No engine takes more; so products of a few of a run's figures stay within 64 bits.
constexpr std::uint64_t kMaxTokens = std::uint64_t{1} << 32;
constexpr std::uint64_t kMaxSequences = 65536;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// A sum of rows, each of them there several times.
class RowSum {
 public:
  RowSum& add(Bytes row, std::uint64_t count, std::uint64_t more = 1) {
    sum_ = plus(sum_, times(times(row, Bytes(count)), Bytes(more)));
    return *this;
  }
  [[nodiscard]] Bytes get() const { return sum_; }

 private:
  Bytes sum_ = 0;
};

Bytes row_bytes(Dtype type, std::uint64_t values) { return tensor_bytes(type, std::array<std::uint64_t, 1>{values}); }

// docs/memory-rules.md 3.1: K and V of one layer. Latent attention has no V: its value head is 0.
Bytes attention_cache(const RunModel& model, const LayerModel& layer, const Run& run, const Cells& cells) {
  const std::uint64_t count = layer.sliding ? cells.window : cells.full;
  RowSum bytes;
  if (layer.cached) {
    bytes.add(row_bytes(run.key_type, layer.key_head * layer.kv_heads), count, cells.streams * model.loops);
  }
  if (layer.value_head != 0) {
    bytes.add(row_bytes(run.value_type, value_width(model, layer, run)), count, cells.streams * model.loops);
  }
  if (layer.indexed) {
    bytes.add(row_bytes(run.key_type, model.indexer_key), count, cells.streams);
    bytes.add(row_bytes(run.value_type, model.indexer_value), count, cells.streams);
  }
  return bytes.get();
}

// docs/memory-rules.md 3.5, DeepSeek V4: a raw window cache, and compressed cells of the whole context beside it.
Bytes compressed_cache(const RunModel& model, const LayerModel& layer, const Run& run, const Cells& cells) {
  constexpr std::uint64_t kFineRatio = 4;
  RowSum bytes;
  bytes.add(row_bytes(run.key_type, layer.key_head), cells.window, cells.streams);
  if (layer.compress_ratio != 0) {
    const std::uint64_t count = compressed_cells(cells, layer.compress_ratio);
    bytes.add(row_bytes(run.key_type, layer.key_head), count, cells.streams);
    if (layer.compress_ratio == kFineRatio) bytes.add(row_bytes(run.key_type, model.indexer_key), count, cells.streams);
  }
  return bytes.get();
}

// Of an architecture without a rule the state is that of a state space or a gated delta net, the usual ones.
StateRule state_rule(const RunModel& model) { return model.rule == nullptr ? StateRule::Ssm : model.rule->state; }

constexpr std::uint64_t kStateValue = 4;  // of the state itself, in F32

// One row for each sequence, and for each token that it may have to go back over.
std::uint64_t state_rows(const RunModel& model, const Run& run) {
  return times(run.sequences, plus(1, model.has(kRollsBack) ? run.drafted : 0));
}

bool keeps_state(const RunModel& model, const LayerModel& layer) {
  return !layer.predicts && (layer.recurrent || layer.more_state != 0 || model.compresses());
}

}  // namespace

std::uint64_t asked_context(const RunModel& model, const Run& run) {
  return run.context.value_or(std::min(kDefaultContext, model.trained_context.value_or(kDefaultContext)));
}

std::optional<Cells> count_cells(const RunModel& model, const Run& run) {
  if (run.sequences == 0 || run.sequences > kMaxSequences || run.batch == 0 || run.micro_batch == 0) {
    return std::nullopt;
  }
  const std::uint64_t asked = asked_context(model, run);
  if (asked == 0 || asked > kMaxTokens || run.micro_batch > kMaxTokens || run.batch > kMaxTokens) {
    return std::nullopt;
  }
  Cells cells;
  // DeepSeek V4 keeps one stream per sequence whatever is asked; together each of them has all cells.
  const bool unified = run.unified_cache;
  const bool shared = unified && !model.compresses();
  cells.context = round_up(asked, kCellMultiple);
  cells.streams = shared ? 1 : run.sequences;
  cells.full =
      unified ? cells.context : round_up(std::max(cells.context / run.sequences, kCellMultiple), kCellMultiple);
  if (!unified) cells.context = cells.full * cells.streams;
  cells.batch = std::min({run.micro_batch, run.batch, cells.context});
  const std::uint64_t window = model.window * (shared ? run.sequences : 1) + cells.batch;
  cells.window = run.full_window_cache ? cells.full : round_up(std::min(cells.full, window), kCellMultiple);
  return cells;
}

std::uint64_t compressed_cells(const Cells& cells, std::uint64_t ratio) {
  return ratio == 0 ? 0 : round_up((cells.full + ratio - 1) / ratio, cells.multiple);
}

std::uint64_t value_width(const RunModel& model, const LayerModel& layer, const Run& run) {
  const auto own = [](const LayerModel& l) { return l.value_head * l.kv_heads; };
  if (run.flash_attention) return own(layer);
  std::uint64_t widest = 0;
  for (const LayerModel& other : model.layers) widest = std::max(widest, own(other));
  return widest;
}

Bytes layer_kv_bytes(const RunModel& model, const LayerModel& layer, const Run& run, const Cells& cells) {
  return model.compresses() ? compressed_cache(model, layer, run, cells) : attention_cache(model, layer, run, cells);
}

Bytes layer_state_bytes(const RunModel& model, const LayerModel& layer, std::uint64_t input) {
  const StateSpace& s = model.ssm;
  RowSum bytes;
  bytes.add(layer.more_state, kStateValue);
  if (!layer.recurrent && !model.compresses()) return bytes.get();
  switch (state_rule(model)) {
    case StateRule::None: break;
    case StateRule::Ssm:
      if (s.convolution == 0) return std::nullopt;
      bytes.add(s.inner + 2 * s.groups * s.state, s.convolution - 1, input).add(s.state, s.inner, kStateValue);
      break;
    case StateRule::Rwkv:
      bytes.add(model.token_shifts, model.embedding, kStateValue).add(model.embedding, model.wkv_head, kStateValue);
      break;
    case StateRule::ShortConvolution:
      if (model.short_convolution == 0) return std::nullopt;
      bytes.add(model.embedding, model.short_convolution - 1, input);
      break;
    case StateRule::KimiDelta:
      if (s.convolution == 0) return std::nullopt;
      bytes.add(3 * input * layer.heads, s.convolution - 1, model.kda_head)
          .add(kStateValue * model.kda_head, model.kda_head, layer.heads);
      break;
    case StateRule::Lightning: bytes.add(kStateValue * layer.key_head, layer.key_head, layer.heads); break;
    case StateRule::Compressor:
      // Two tensors each; ratio 4 has its indexer's beside it.
      if (layer.compress_ratio == 4) bytes.add(2 * 8, 2 * (layer.key_head + model.indexer_key), kStateValue);
      if (layer.compress_ratio == 128) bytes.add(2 * 128, layer.key_head, kStateValue);
      break;
  }
  return bytes.get();
}

std::optional<std::vector<LayerCache>> layer_caches(const RunModel& model, const Run& run) {
  const auto cells = count_cells(model, run);
  if (!cells) return std::nullopt;
  std::vector<LayerCache> caches(model.layers.size());
  for (std::size_t i = 0; i < caches.size(); ++i) {
    const LayerModel& layer = model.layers[i];
    if (layer.cached || (layer.headless && !run.flash_attention)) {
      const Bytes kv = layer_kv_bytes(model, layer, run, *cells);
      if (!kv) return std::nullopt;
      caches[i].kv = *kv;
    }
    if (keeps_state(model, layer)) {
      const Bytes bytes = times(layer_state_bytes(model, layer, kStateValue), Bytes(state_rows(model, run)));
      if (!bytes) return std::nullopt;
      caches[i].state = *bytes;
    }
  }
  return caches;
}

}  // namespace weigh::core
