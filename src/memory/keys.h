#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "src/model/config.h"
#include "src/model/metadata_keys.h"

namespace weigh::core {

/// Hyperparameters by the name of their GGUF key, wherever they stand: under the architecture's name in a GGUF file, or
/// in config.json under the name that its family gives them.
class HyperparameterKeys {
 public:
  explicit HyperparameterKeys(const Checkpoint& checkpoint);

  /// A scalar reads as a list of one; empty when absent.
  [[nodiscard]] std::vector<std::uint64_t> numbers(std::string_view key) const;
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view key) const;
  [[nodiscard]] std::uint64_t number_or(std::string_view key, std::uint64_t fallback) const;

  /// Layers as they are run: those of stacks that are run several times count each time.
  [[nodiscard]] std::optional<std::uint64_t> block_count() const;
  [[nodiscard]] std::optional<LayerStacks> stacks() const;

  /// The architecture by GGUF's name, or the Hugging Face class.
  [[nodiscard]] std::string_view architecture() const;
  [[nodiscard]] bool gguf() const { return gguf_; }
  /// config.json itself, for what GGUF has no key for; without members for a GGUF model.
  [[nodiscard]] const ConfigReader& config() const { return config_; }

 private:
  bool gguf_;
  ArchitectureKeys keys_;
  ConfigReader config_;
};

}  // namespace weigh::core
