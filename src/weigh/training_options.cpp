#include "src/weigh/training_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "formats/error.h"
#include "src/devices/text.h"
#include "src/weigh/run_options.h"

namespace weigh::core {
namespace {

constexpr std::uint64_t kMaxRank = 65536;
constexpr std::uint64_t kMaxTrainedTokens = std::uint64_t{1} << 32;

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  }
  return text;
}

[[noreturn]] void no_such(std::string_view flag, const std::string& word, const std::vector<std::string>& names) {
  throw UsageError(fmt::format("{} {}: there are {}{}", flag, word, listed(names), did_you_mean(word, names)));
}

/// The value of that name; nothing for no name at all.
template <typename Value>
std::optional<Value> named(std::string_view flag, const std::string& word, std::span<const NamedSetting<Value>> rows) {
  if (word.empty()) return std::nullopt;
  std::vector<std::string> names;
  for (const NamedSetting<Value>& row : rows) {
    if (row.name == word) return row.value;
    names.emplace_back(row.name);
  }
  no_such(flag, word, names);
}

const Optimizer* optimizer_of(const std::string& word) {
  if (word.empty()) return &optimizers().front();
  if (const Optimizer* found = find_optimizer(word)) return found;
  std::vector<std::string> names;
  for (const Optimizer& row : optimizers()) names.emplace_back(row.name);
  no_such("--optimizer", word, names);
}

void check_range(std::string_view flag, std::optional<std::uint64_t> number, std::uint64_t most) {
  if (!number || (*number >= 1 && *number <= most)) return;
  throw UsageError(fmt::format("{} {}: not from 1 to {}", flag, *number, most));
}

/// The first option of training that is set; empty: none.
std::string_view first_set(const TrainingOptions& training) {
  if (!training.optimizer.empty()) return "--optimizer";
  if (!training.checkpointing.empty()) return "--checkpointing";
  if (!training.sharding.empty()) return "--shard";
  if (training.rank) return "--rank";
  return training.tokens ? "--seq" : "";
}

/// The first option of a run that says nothing of training; empty: none.
std::string_view first_of_a_run(const RunOptions& options) {
  struct Row {
    std::string_view flag;
    bool set;
  };
  const RunOptions plain;
  const std::array rows{
      Row{"--engine", !options.engine.empty()},
      Row{"--context", !options.context.empty()},
      Row{"--max-model-len", !options.max_length.empty()},
      Row{"--kv-type", options.kv_type != plain.kv_type},
      Row{"--parallel", options.parallel != plain.parallel},
      Row{"--ubatch", options.micro_batch != plain.micro_batch},
      Row{"--as", !options.as.empty()},
      Row{"--mmproj", !options.mmproj.empty()},
      Row{"--draft", !options.draft.empty()},
      Row{"--gpu-layers", options.gpu_layers.has_value()},
      Row{"--n-cpu-moe", options.cpu_moe_layers != 0},
      Row{"--n-cpu-ffn", options.cpu_ffn_layers != 0},
      Row{"--prompt", options.prompt.has_value()},
      Row{"--generate", options.generated.has_value()},
  };
  const auto* found = std::ranges::find_if(rows, &Row::set);
  return found == rows.end() ? "" : found->flag;
}

}  // namespace

void check_training_options(const RunOptions& options) {
  const TrainingOptions& training = options.training;
  const auto recipe = named("--train", training.recipe, recipes());
  if (!recipe) {
    const std::string_view flag = first_set(training);
    if (!flag.empty()) throw UsageError(fmt::format("{} is of training: --train full, lora or qlora", flag));
    return;
  }
  if (const std::string_view flag = first_of_a_run(options); !flag.empty()) {
    throw UsageError(
        fmt::format("{} is of a run, and --train {} weighs training; tokens are --seq N", flag, training.recipe));
  }
  (void)named("--checkpointing", training.checkpointing, checkpointings());
  (void)named("--shard", training.sharding, shardings());
  (void)optimizer_of(training.optimizer);
  if (training.rank && *recipe == Recipe::Full) {
    throw UsageError("--rank is of adapters: --train lora or --train qlora");
  }
  check_range("--rank", training.rank, kMaxRank);
  check_range("--seq", training.tokens, kMaxTrainedTokens);
  check_range("--batch", training.sequences, kMaxMicroBatch);
}

std::optional<TrainingSettings> training_of(const RunOptions& options) {
  const TrainingOptions& training = options.training;
  const auto recipe = named("--train", training.recipe, recipes());
  if (!recipe) return std::nullopt;
  TrainingSettings settings;
  settings.recipe = *recipe;
  settings.optimizer = optimizer_of(training.optimizer);
  settings.rank = training.rank.value_or(settings.rank);
  settings.sequences = training.sequences.value_or(options.batch.value_or(settings.sequences));
  settings.tokens = training.tokens;
  settings.checkpointing =
      named("--checkpointing", training.checkpointing, checkpointings()).value_or(settings.checkpointing);
  settings.sharding = named("--shard", training.sharding, shardings()).value_or(settings.sharding);
  settings.eager_attention = options.eager_attention || options.flash_attention == "off";
  return settings;
}

std::string key_of(const TrainingOptions& options) {
  if (options.recipe.empty()) return {};
  // All fields by name: one that is added does not compile until it is here.
  const auto& [recipe, optimizer, checkpointing, sharding, rank, sequences, tokens] = options;
  std::string key = fmt::format(" train {} {} {} {}", recipe, optimizer, checkpointing, sharding);
  for (const auto& number : {rank, sequences, tokens}) key += number ? fmt::format(" {}", *number) : " -";
  return key;
}

}  // namespace weigh::core
