#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "src/memory/memory.h"
#include "src/memory/weights.h"
#include "src/quantize/quantize_types.h"

namespace weigh::core {

/// The engine that such files are made for.
Engine default_engine(const Model& model);

enum class CompanionRole : std::uint8_t {
  Projector,
  Draft,
  Prediction,  ///< the model's own blocks of multi-token prediction draft for it
};

/// A model that a run loads beside its own: the projector of a multimodal model, or a small model that drafts for it.
struct Companion {
  CompanionRole role;
  const Model* model;  ///< lives as long as what is weighed with it; null for Prediction, which is the model itself
};

/// A model made ready to be weighed many times in one engine: as it lies there, or as the GGUF of another type that it
/// would be. Refers to the model, which must live on.
class Candidate {
 public:
  /// Without a type a safetensors checkpoint in llama.cpp is what its converter writes.
  Candidate(const Model& source, Engine engine, const QuantizerType* type = nullptr,
            std::vector<Companion> companions = {});

  [[nodiscard]] const Model& source() const { return source_; }
  [[nodiscard]] Engine engine() const { return engine_; }
  [[nodiscard]] const QuantizerType* type() const { return type_; }
  /// Null when the files do not say what a run needs: only weights are known then.
  [[nodiscard]] const RunModel* run_model() const { return run_model_ ? &*run_model_ : nullptr; }
  [[nodiscard]] bool has_experts() const;
  [[nodiscard]] const WeightParts& parts() const { return parts_; }
  /// What a split may put on one device or another: the bytes of each layer, then of each tensor outside of them.
  const std::vector<std::uint64_t>& layer_pieces();

  [[nodiscard]] const std::vector<Companion>& companions() const { return companions_; }
  /// What drafts for the model, in the same engine: another model, or its own blocks that predict; null when there is
  /// none.
  [[nodiscard]] Candidate* draft() { return draft_.get(); }
  [[nodiscard]] const Candidate* draft() const { return draft_.get(); }

  /// The tokens that a run counts with, as asked for: the smaller of kDefaultContext and the model's own when nothing
  /// was.
  [[nodiscard]] std::uint64_t context(const Run& run) const;

  /// The whole run in one memory.
  const RunNeed& whole(const Run& run);

  /// The run on a host and one discrete device; only with a run model.
  const SplitNeed& split(const Run& run);
  /// Likewise over several devices, by their proportions.
  [[nodiscard]] SplitNeed split(const Run& run, std::span<const double> proportions);

 private:
  struct Converted;
  /// A part of `whole` that is run by itself.
  Candidate(const Candidate& whole, RunModel part);
  [[nodiscard]] const Model& weights() const;
  void load(Companion& companion);

  const Model& source_;
  Engine engine_;
  const QuantizerType* type_;
  std::vector<Companion> companions_;
  std::unique_ptr<Candidate> draft_;
  std::optional<RunModel> run_model_;
  std::shared_ptr<const Converted> converted_;
  WeightParts parts_;
  std::optional<WeightTable> table_;
  ComputeGraphs graphs_;
  std::optional<std::vector<std::uint64_t>> pieces_;
  std::map<Run, RunNeed> whole_;
  std::map<Run, SplitNeed> split_;
};

}  // namespace weigh::core
