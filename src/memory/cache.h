#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "formats/checked.h"
#include "src/memory/run.h"
#include "src/memory/run_model.h"

namespace weigh::core {

/// llama.cpp rounds contexts and caches up to a multiple of this many cells.
inline constexpr std::uint64_t kCellMultiple = 256;

/// The tokens that a run counts with, before any rounding: what it says, or the default.
std::uint64_t asked_context(const RunModel& model, const Run& run);

/// How many tokens a run's caches hold.
struct Cells {
  std::uint64_t context = 0;               ///< tokens, all sequences together, after the engine's rounding
  std::uint64_t streams = 0;               ///< caches side by side
  std::uint64_t full = 0;                  ///< cells of one stream in a layer that sees everything
  std::uint64_t window = 0;                ///< cells of one stream in a sliding layer
  std::uint64_t batch = 0;                 ///< tokens that are computed at a time, after the engine's limits
  std::uint64_t multiple = kCellMultiple;  ///< of which compressed caches have whole ones
};

/// Nothing for a run that no engine would start: no sequence, no batch, or figures that do not fit in 64 bits.
std::optional<Cells> count_cells(const RunModel& model, const Run& run);

/// Plain bytes of one layer; it is no MemoryNeed because a layer has neither weights of its own here nor parts that are
/// not known.
struct LayerCache {
  std::uint64_t kv = 0;
  std::uint64_t state = 0;
};

/// Bytes of one layer's KV cache in that many cells, whichever engine has them. Nothing when the cache type's blocks do
/// not divide a row, or the bytes do not fit in 64 bits.
Bytes layer_kv_bytes(const RunModel& model, const LayerModel& layer, const Run& run, const Cells& cells);

/// Bytes of one sequence's state in one layer, 0 where it has none; `input` is what one value of the convolution's part
/// takes, the rest is in F32 (docs/memory-rules.md 4). Nothing where keys are missing or it does not fit in 64 bits.
Bytes layer_state_bytes(const RunModel& model, const LayerModel& layer, std::uint64_t input);

/// Bytes of each layer's KV cache and recurrent state as llama.cpp allocates them. Nothing when count_cells() has
/// nothing, or the cache type's blocks do not divide a row, which the engine refuses as well.
std::optional<std::vector<LayerCache>> layer_caches(const RunModel& model, const Run& run);

/// DeepSeek V4: cells of one stream that stand for `ratio` cells of the context each. No ratio, no cells.
std::uint64_t compressed_cells(const Cells& cells, std::uint64_t ratio);

/// Values of one cell's V in a layer: without flash attention V lies transposed, and every layer takes the widest.
std::uint64_t value_width(const RunModel& model, const LayerModel& layer, const Run& run);

}  // namespace weigh::core
