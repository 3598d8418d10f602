#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/checkpoint/checkpoint.h"

namespace weigh::core {

/// Layers that are run more than once (HRM): two stacks, the low one several times for each time of the high one. Every
/// pass has slots of its own in `block_count` and a cache in each; the weights are stored once.
struct LayerStacks {
  std::uint64_t layers = 0;  ///< of one stack
  std::uint64_t slots = 0;   ///< layers as they are run

  [[nodiscard]] std::uint64_t stored() const { return 2 * layers; }
};

/// Nothing for cycles that no engine runs. `low_cycles` passes of the low stack and one of the high one make a cycle.
inline std::optional<LayerStacks> layer_stacks(std::optional<std::uint64_t> layers,
                                               std::optional<std::uint64_t> high_cycles,
                                               std::optional<std::uint64_t> low_cycles) {
  constexpr std::uint64_t kMaxFactor = 1U << 16U;
  const auto usual = [](std::optional<std::uint64_t> value) { return value && *value > 0 && *value <= kMaxFactor; };
  if (!usual(layers) || !usual(high_cycles) || !usual(low_cycles)) return std::nullopt;
  return LayerStacks{.layers = *layers, .slots = *layers * *high_cycles * (*low_cycles + 1)};
}

/// The keys of a GGUF model that stand under its architecture's name. Of a split set, the first part has them.
class ArchitectureKeys {
 public:
  explicit ArchitectureKeys(const Checkpoint& checkpoint) {
    for (const ModelFile& file : checkpoint.files) {
      if (file.format != Format::Gguf) continue;
      const auto name = file.metadata.string("general.architecture");
      if (!name) continue;
      metadata_ = &file.metadata;
      name_ = *name;
      return;
    }
    if (!checkpoint.files.empty()) metadata_ = &checkpoint.files.front().metadata;
  }

  [[nodiscard]] std::string_view name() const { return name_; }  ///< empty when the files do not say

  /// Null only for a checkpoint without files.
  [[nodiscard]] const Metadata* metadata() const { return metadata_; }

  /// "block_count" asks for "llama.block_count". A scalar reads as a list of one; empty when absent.
  [[nodiscard]] std::vector<std::uint64_t> numbers(std::string_view key) const {
    if (metadata_ == nullptr || name_.empty()) return {};
    return metadata_->unsigned_integers(full(key));
  }
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view key) const {
    const auto values = numbers(key);
    return values.empty() ? std::nullopt : std::optional(values.front());
  }
  [[nodiscard]] std::optional<double> real(std::string_view key) const {
    return metadata_ == nullptr ? std::nullopt : metadata_->number(full(key));
  }
  [[nodiscard]] std::optional<LayerStacks> stacks() const {
    return layer_stacks(number("hrm.layers_per_stack"), number("hrm.h_cycles"), number("hrm.l_cycles"));
  }
  [[nodiscard]] std::optional<std::string> text(std::string_view key) const { return general(full(key)); }

  /// A text by its whole key, "general.license".
  [[nodiscard]] std::optional<std::string> general(std::string_view key) const {
    const auto value = metadata_ == nullptr ? std::nullopt : metadata_->string(key);
    return value && !value->empty() ? std::optional<std::string>(*value) : std::nullopt;
  }

 private:
  [[nodiscard]] std::string full(std::string_view key) const { return std::string(name_) + '.' + std::string(key); }

  const Metadata* metadata_ = nullptr;
  std::string_view name_;
};

}  // namespace weigh::core
