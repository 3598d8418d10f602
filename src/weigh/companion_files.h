#pragma once

#include <memory>
#include <vector>

#include "src/fit/candidate.h"
#include "src/weigh/run_options.h"

namespace weigh::core {

/// The models of --mmproj and --draft, read.
class Companions {
 public:
  /// Throws Error for a file that cannot be read, UsageError for one that is not what its flag wants.
  explicit Companions(const RunOptions& options);

  /// For a run of `model` in `engine`. Throws UsageError where the engine or the model has no such companion.
  [[nodiscard]] std::vector<Companion> for_model(const Model& model, Engine engine) const;

 private:
  std::unique_ptr<const Model> projector_;
  std::unique_ptr<const Model> draft_;
  bool own_draft_ = false;  // --draft mtp
};

}  // namespace weigh::core
