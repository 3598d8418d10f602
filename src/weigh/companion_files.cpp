#include "src/weigh/companion_files.h"

#include <fmt/core.h>

#include <utility>

#include "formats/error.h"
#include "src/checkpoint/open_checkpoint.h"
#include "src/memory/prediction.h"
#include "src/model/kind.h"

namespace weigh::core {
namespace {

/// Null for a flag that is not given.
std::unique_ptr<const Model> read(std::string_view flag, const std::string& path) {
  if (path.empty()) return nullptr;
  OpenResult opened = open_checkpoints(path);
  if (opened.checkpoints.size() > 1) {
    throw UsageError(fmt::format("{} {} holds {} models; name one", flag, path, opened.checkpoints.size()));
  }
  if (!opened.failures.empty() || opened.checkpoints.empty()) {
    const std::string why = opened.failures.empty() ? "holds no model" : opened.failures.front().message;
    throw IoError(fmt::format("{} {}: {}", flag, path, why));
  }
  return std::make_unique<const Model>(describe(std::move(opened.checkpoints.front())));
}

}  // namespace

Companions::Companions(const RunOptions& options)
    : projector_(read("--mmproj", options.mmproj)),
      draft_(options.draft == kOwnDraft ? nullptr : read("--draft", options.draft)),
      own_draft_(options.draft == kOwnDraft) {
  if (projector_ && (!projector_->projector || !is_gguf(projector_->checkpoint))) {
    throw UsageError(fmt::format("--mmproj {}: not a projector; one says general.architecture = clip", options.mmproj));
  }
  if (draft_ && Candidate(*draft_, default_engine(*draft_)).run_model() == nullptr) {
    throw UsageError(fmt::format("--draft {}: its files do not say what a run of it needs", options.draft));
  }
}

std::vector<Companion> Companions::for_model(const Model& model, Engine engine) const {
  std::vector<Companion> all;
  if (projector_) {
    if (engine != Engine::LlamaCpp) {
      throw UsageError(fmt::format("--mmproj is for llama.cpp; for {} the projector is part of the checkpoint",
                                   engine_name(engine)));
    }
    all.push_back({CompanionRole::Projector, projector_.get()});
  }
  if (draft_) {
    if (engine != Engine::LlamaCpp && is_gguf(draft_->checkpoint)) {
      throw UsageError(fmt::format("--draft: {} is a GGUF file, which is for llama.cpp and not for {}",
                                   draft_->checkpoint.name, engine_name(engine)));
    }
    all.push_back({CompanionRole::Draft, draft_.get()});
  }
  if (own_draft_) {
    if (engine != Engine::LlamaCpp) {
      throw UsageError(fmt::format("--draft mtp is for llama.cpp, not for {}", engine_name(engine)));
    }
    const auto run_model = read_run_model(model);
    if (runs_alone(model.kind) && !(run_model && prediction_model(*run_model))) {
      throw UsageError(fmt::format("--draft mtp: {} has no blocks of multi-token prediction", model.checkpoint.name));
    }
    all.push_back({CompanionRole::Prediction, nullptr});
  }
  return all;
}

}  // namespace weigh::core
