#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/checked.h"
#include "src/memory/run_model.h"
#include "src/memory/training/settings.h"
#include "src/memory/training/trained_tensors.h"
#include "src/model/model.h"

namespace weigh::core {

/// What a training step needs, in bytes: an estimate by published rules (docs/training.md).
struct TrainingNeed {
  std::uint64_t trained_parameters = 0;
  std::uint64_t weights = 0;  ///< of the model and of its adapters
  std::uint64_t gradients = 0;
  std::uint64_t optimizer_states = 0;  ///< with the copy of the weights in 32 bits
  Bytes activations;                   ///< nothing where the files do not say what the layers are
  Bytes logits;                        ///< likewise; 0 for a model that is trained without a vocabulary
  std::uint64_t overhead = 0;          ///< of the driver's context, and what memory in pieces wastes

  /// The sum of what is known; stays at 2^64 - 1 where it would not fit.
  [[nodiscard]] std::uint64_t total() const;
};

/// Of one device, and of `count` that are alike.
TrainingNeed times(const TrainingNeed& need, std::uint64_t count);

/// Weights, gradients and optimizer states of one of several devices, in the recipe's bytes: docs/training.md 1 and 2.
struct StateBytes {
  std::uint64_t weights = 0;
  std::uint64_t gradients = 0;
  std::uint64_t optimizer_states = 0;
};
/// `trained` parameters; `factored` are those of Adafactor's rows and columns; `frozen_bytes` are not trained.
StateBytes state_bytes(std::uint64_t trained, std::uint64_t factored, std::uint64_t frozen_bytes,
                       const TrainingSettings& settings);

/// A model made ready to be trained in any number of ways. Refers to nothing.
class TrainedModel {
 public:
  explicit TrainedModel(const Model& model);

  /// Tokens of a sequence: as asked for, else the smaller of kDefaultTrainingTokens and the model's own.
  [[nodiscard]] std::uint64_t tokens(const TrainingSettings& settings) const;

  /// What one device needs.
  [[nodiscard]] TrainingNeed need(const TrainingSettings& settings) const;

  /// The rules that figures rest on, by paper and section.
  [[nodiscard]] std::vector<std::string> rules(const TrainingSettings& settings) const;

  /// What is counted in, left out or taken for granted, a sentence each without its full stop.
  [[nodiscard]] std::vector<std::string> assumptions(const TrainingSettings& settings) const;

  /// As not_trained(), of what the tensors show.
  [[nodiscard]] std::optional<std::string> refusal(Recipe recipe) const;

  [[nodiscard]] const TrainedTensors& tensors() const { return tensors_; }

 private:
  [[nodiscard]] std::uint64_t frozen_bytes(const TrainingSettings& settings) const;

  TrainedTensors tensors_;
  std::optional<RunModel> run_model_;
  std::string stored_as_;  // the scheme of a checkpoint that is quantized, else its type
  bool packed_ = false;    // it is quantized
  bool predicts_words_ = false;
  bool prediction_ = false;  // blocks of multi-token prediction, which are left out
};

/// A training step as reports show it.
struct Training {
  TrainingSettings settings;
  std::uint64_t tokens = 0;  ///< of a sequence
  TrainingNeed need;         ///< on all devices together
  std::vector<std::string> rules;
  std::vector<std::string> assumptions;
};

/// Why a model cannot be trained so, in a sentence without its full stop; nothing where it can.
std::optional<std::string> not_trained(const Model& model, Recipe recipe);

}  // namespace weigh::core
