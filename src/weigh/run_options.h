#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "src/fit/fit.h"

namespace weigh::core {

inline constexpr std::uint64_t kMaxSequences = 65536;
inline constexpr std::uint64_t kMaxMicroBatch = std::uint64_t{1} << 20;

/// The flags that say how a model is run and what its fit must be.
struct RunOptions {
  std::string engine;
  std::string context;  ///< a number or "max"
  std::string kv_type = "f16";
  std::string flash_attention = "on";
  std::string as;
  std::string mmproj;  ///< path of a projector; empty: none
  std::string draft;   ///< path of a draft model; empty: none
  std::uint64_t parallel = 1;
  std::uint64_t micro_batch = 512;
  std::optional<std::uint64_t> gpu_layers;
  std::uint64_t cpu_moe_layers = 0;
  bool unified_cache = false;
  bool full_window_cache = false;
  bool projector_on_host = false;
  bool together = false;
};

/// Throws UsageError for values that no engine takes, before any file is read.
void check_run_options(const RunOptions& options);

/// How `subject` is run; the context as asked for, of "max" the model's own.
Run run_of(const RunOptions& options, const Candidate& subject);

/// The engine asked for, or the one that such files are made for. Throws UsageError where it does not read them.
Engine engine_of(const RunOptions& options, const Model& model);

}  // namespace weigh::core
