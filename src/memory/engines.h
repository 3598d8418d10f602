#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "src/memory/need.h"
#include "src/memory/run.h"
#include "src/memory/run_model.h"
#include "src/memory/serving.h"

namespace weigh::core {

/// What engines other than llama.cpp need for a run (docs/memory-rules.md 10), without its weights: each has a folder
/// with its rules and a row here. The compute part is always an estimate. Everything is absent where count_cells() has
/// nothing.
ContextNeed engine_need(const RunModel& model, const Run& run);

/// How an engine that pools its cache starts on these cards, which are at least one. Nothing of any other engine.
std::optional<ServingStart> engine_start(const Model& source, const RunModel& model, const Run& run,
                                         std::span<const ServedCard> cards);

/// Bytes of each layer's KV cache in an engine without a pool. Nothing where the need has none.
std::optional<std::vector<std::uint64_t>> engine_layer_kv(const RunModel& model, const Run& run);

/// Tokens of each of a run's sequences, rounded up.
std::uint64_t sequence_tokens(const RunModel& model, const Run& run);

/// Tokens of each sequence that are read before the first is generated: what the run says, else all that it does not
/// say are generated.
std::uint64_t prompt_tokens(const RunModel& model, const Run& run);

/// Bytes of each layer's K and V of so many tokens in each sequence, where sliding layers keep their window and nothing
/// is rounded.
std::vector<Bytes> plain_layer_kv(const RunModel& model, const Run& run, std::uint64_t tokens);

/// Bytes of the states of recurrent layers, of all sequences, where nothing is quantized or rounded. Nothing where they
/// do not fit in 64 bits.
Bytes plain_state_bytes(const RunModel& model, const Run& run);

}  // namespace weigh::core
