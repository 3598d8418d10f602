#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/fit/weigh.h"
#include "src/weigh/training_options.h"

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
  std::string draft;   ///< path of a draft model, or "mtp": the model's own next-token blocks; empty: none
  std::string draft_kv_type;
  std::string host;  ///< memory of the host: "32GiB"; empty: detected or assumed
  std::uint64_t parallel = 1;
  std::optional<std::uint64_t> batch;  ///< tokens, 2048 where it is absent; of training: sequences
  std::uint64_t micro_batch = 512;
  std::optional<std::uint64_t> gpu_layers;
  std::uint64_t cpu_moe_layers = 0;
  std::uint64_t cpu_ffn_layers = 0;
  bool unified_cache = false;
  bool full_window_cache = false;
  bool projector_on_host = false;
  bool together = false;
  std::string engine_version;  ///< "0.21"; empty: the newest that is known
  std::string memory_share;    ///< a number from 0 to 1; empty: the engine's default
  std::string max_length;      ///< tokens of one sequence, in place of `context`; as that
  std::string pool_size;       ///< "4.25GiB" or bytes; empty: what the share leaves
  ServingSettings serving;     ///< without version, share and pool, which are the three above
  std::optional<std::uint64_t> prompt;
  std::optional<std::uint64_t> generated;
  bool eager_attention = false;
  TrainingOptions training;
};

/// Throws UsageError for values that no engine takes, before any file is read.
void check_run_options(const RunOptions& options);

/// The word of --draft that means the model's own blocks of multi-token prediction.
inline constexpr std::string_view kOwnDraft = "mtp";

/// The engine asked for, or the one that such files are made for.
Engine engine_of(const RunOptions& options, const Model& model);

/// How `model` is to be run in `engine`, without companions. Throws UsageError where that engine keeps no cache of the
/// type asked for.
RunRequest request_of(const RunOptions& options, const Model& model, Engine engine);

/// Everything in the options that changes a verdict, in words.
std::string key_of(const RunOptions& options);

}  // namespace weigh::core
