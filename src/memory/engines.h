#pragma once

#include <cstdint>
#include <optional>

#include "src/memory/run.h"
#include "src/memory/run_model.h"

namespace weigh::core {

/// What engines other than llama.cpp keep for a run (docs/memory-rules.md 10), in bytes.
struct EngineMemory {
  std::optional<std::uint64_t> kv_cache;
  std::optional<std::uint64_t> state;
  std::optional<std::uint64_t> compute;  ///< an estimate always
  std::uint64_t context = 0;
};

/// Caches grow with use there; these are the bytes at the full context. Nothing is rounded but vLLM's blocks of 16
/// tokens.
EngineMemory engine_memory(const RunModel& model, const Run& run);

}  // namespace weigh::core
