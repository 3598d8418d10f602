#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "src/memory/training/settings.h"

namespace weigh::core {

struct RunOptions;

/// The flags that say how a model is trained. Nothing but `recipe` may be set without it.
struct TrainingOptions {
  std::string recipe;  ///< "full", "lora", "qlora"; empty: the model is run
  std::string optimizer;
  std::string checkpointing;
  std::string sharding;
  std::optional<std::uint64_t> rank;
  std::optional<std::uint64_t> sequences;  ///< of a step on one device; absent: RunOptions::batch, else 1
  std::optional<std::uint64_t> tokens;     ///< of a sequence
};

/// Throws UsageError for what is none, and for options of a run beside those of training.
void check_training_options(const RunOptions& options);

/// Nothing where the model is run. Of options that are checked.
std::optional<TrainingSettings> training_of(const RunOptions& options);

/// Everything in them that changes a verdict, in words; empty where the model is run.
std::string key_of(const TrainingOptions& options);

}  // namespace weigh::core
