#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/checkpoint/checkpoint.h"
#include "src/model/config.h"
#include "src/model/layer_types.h"

namespace weigh::core {

/// Layers that are run more than once (HRM): two stacks, the low one several times for each time of the high one. Every
/// pass has slots of its own in `block_count` and a cache in each; the weights are stored once.
struct LayerStacks {
  std::uint64_t layers = 0;  ///< of one stack
  std::uint64_t slots = 0;   ///< layers as they are run
  std::uint64_t high_cycles = 0;
  std::uint64_t low_cycles = 0;  ///< in each of the high ones

  [[nodiscard]] std::uint64_t stored() const { return 2 * layers; }
};

/// The keys of a GGUF model that begin with its architecture's name. Of a split set, the first part has them.
class ArchitectureKeys {
 public:
  explicit ArchitectureKeys(const Checkpoint& checkpoint);

  [[nodiscard]] std::string_view name() const { return name_; }  ///< empty when the files do not say

  /// Null only for a checkpoint without files.
  [[nodiscard]] const Metadata* metadata() const { return metadata_; }

  /// "block_count" asks for "llama.block_count". A scalar reads as a list of one; empty when absent.
  [[nodiscard]] std::vector<std::uint64_t> numbers(std::string_view key) const;
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view key) const;
  [[nodiscard]] std::optional<double> real(std::string_view key) const;
  [[nodiscard]] std::optional<bool> flag(std::string_view key) const;
  [[nodiscard]] std::optional<std::string> text(std::string_view key) const;

  /// A text by its whole key, "general.license". Absent when empty.
  [[nodiscard]] std::optional<std::string> general(std::string_view key) const;

 private:
  [[nodiscard]] std::string full(std::string_view key) const { return std::string(name_) + '.' + std::string(key); }

  const Metadata* metadata_ = nullptr;
  std::string_view name_;
};

/// A model's hyperparameters by the names of their GGUF keys, whichever format states them: a GGUF file under its
/// architecture's name, or config.json under the name that the family gives them (config_keys.inc). Both the report and
/// the need of memory read this, so that they speak of the same model.
class Hyperparameters {
 public:
  explicit Hyperparameters(const Checkpoint& checkpoint);

  /// A scalar reads as a list of one; empty when absent. For config.json some follow from several keys:
  /// `attention.head_count_kv` of Falcon and StarCoder, `attention.key_length_mla`, `attention.value_length_mla`,
  /// `attention.indexer.types`, `attention.sliding_window` (0 where it is switched off), `block_count`, `expert_feed_forward_length`.
  [[nodiscard]] std::vector<std::uint64_t> numbers(std::string_view key) const;
  /// The first of numbers().
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view key) const;
  [[nodiscard]] std::uint64_t number_or(std::string_view key, std::uint64_t fallback) const;
  [[nodiscard]] std::optional<double> real(std::string_view key) const;
  [[nodiscard]] std::optional<bool> flag(std::string_view key) const;
  /// Absent when empty.
  [[nodiscard]] std::optional<std::string> text(std::string_view key) const;

  /// What each layer does, by config.json; empty where it does not say, and for a GGUF model, whose keys have it as
  /// numbers.
  [[nodiscard]] std::vector<LayerType> layer_types() const;
  /// One number per layer, 0 where it sees everything; empty where the files do not say it layer by layer.
  [[nodiscard]] std::vector<std::uint64_t> sliding_layers() const;
  /// Nothing for a model whose layers are run once, and for cycles that no engine runs.
  [[nodiscard]] std::optional<LayerStacks> stacks() const;

  /// The architecture by GGUF's name, or the Hugging Face class. Empty when the files do not say.
  [[nodiscard]] std::string_view architecture() const;
  [[nodiscard]] bool gguf() const { return gguf_; }
  [[nodiscard]] const ArchitectureKeys& keys() const { return keys_; }
  /// config.json itself, for what GGUF has no key for; without members for a GGUF model.
  [[nodiscard]] const ConfigReader& config() const { return config_; }

 private:
  [[nodiscard]] std::vector<std::uint64_t> listed(std::string_view key) const;
  [[nodiscard]] std::vector<std::uint64_t> config_numbers(std::string_view key) const;

  bool gguf_;
  ArchitectureKeys keys_;
  ConfigReader config_;
};

}  // namespace weigh::core
