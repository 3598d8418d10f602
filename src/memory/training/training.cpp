#include "src/memory/training/training.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "src/devices/units.h"
#include "src/memory/training/activations.h"

namespace weigh::core {

namespace {

// docs/training.md 4: the driver's context with its libraries, and what an allocator that works in pieces wastes.
constexpr std::uint64_t kContextBytes = kGiB;
constexpr std::uint64_t kWasteDivisor = 20;
constexpr std::uint64_t kHalf = 2;            // bytes of a weight in 16 bits
constexpr std::uint64_t kGatheredLayers = 2;  // of ZeRO-3: the one at work and the next

// Models that are trained without logits over a vocabulary.
constexpr auto kWordless = std::to_array<std::string_view>({"embedding model", "reranker", "reward model",
                                                            "text classifier", "image classifier", "vision encoder",
                                                            "image and text embedding model", "audio encoder"});

bool is_plain(std::string_view dtype) { return dtype == "F64" || dtype == "F32" || dtype == "F16" || dtype == "BF16"; }

// The type that holds more than a hundredth of the bytes and is none to train in; empty: there is none.
std::string_view packed_type(const Model& model) {
  std::uint64_t packed = 0;
  std::string_view largest;
  for (const DtypeTotals& row : model.by_dtype) {  // largest first
    if (is_plain(row.dtype)) continue;
    packed = plus(packed, row.bytes);
    if (largest.empty()) largest = row.dtype;
  }
  return packed > model.weight_bytes / 100 ? largest : std::string_view();
}

bool is_nf4(std::string_view scheme) { return scheme == "bnb-nf4" || scheme == "bnb-fp4"; }

Bytes sum_of(Bytes a, Bytes b) { return saturating_plus(a, b); }

// The part of `bytes` that one of `settings.devices` has from a step of sharding on.
std::uint64_t shard(std::uint64_t bytes, Sharding from, const TrainingSettings& settings) {
  return settings.sharding < from ? bytes : divided_up(bytes, std::max<std::uint64_t>(settings.devices, 1));
}

}  // namespace

std::uint64_t TrainingNeed::total() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t part :
       {weights, gradients, optimizer_states, activations.value_or(0), logits.value_or(0), overhead}) {
    sum = plus(sum, part);
  }
  return sum;
}

TrainingNeed times(const TrainingNeed& need, std::uint64_t count) {
  TrainingNeed sum = need;
  for (std::uint64_t* part : {&sum.weights, &sum.gradients, &sum.optimizer_states, &sum.overhead}) {
    *part = times(*part, count);
  }
  for (Bytes* part : {&sum.activations, &sum.logits}) {
    if (*part) *part = times(**part, count);
  }
  return sum;
}

StateBytes state_bytes(std::uint64_t trained, std::uint64_t factored, std::uint64_t frozen_bytes,
                       const TrainingSettings& settings) {
  constexpr std::uint64_t kScaleBlock = 2048;
  const Optimizer& optimizer = *settings.optimizer;
  std::uint64_t states = times(trained, plus(optimizer.master, optimizer.state));
  if (optimizer.scaled_states != 0) {
    states = plus(states, times(times(4, optimizer.scaled_states), divided_up(trained, kScaleBlock)));
  }
  if (optimizer.factored) states = plus(states, times(4, factored));
  StateBytes bytes;
  bytes.weights = shard(plus(frozen_bytes, times(trained, optimizer.weight)), Sharding::Zero3, settings);
  bytes.gradients = shard(times(trained, optimizer.gradient), Sharding::Zero2, settings);
  bytes.optimizer_states = shard(states, Sharding::Zero1, settings);
  return bytes;
}

TrainedModel::TrainedModel(const Model& model) : run_model_(read_run_model(model)) {
  tensors_ = trained_tensors(model, run_model_ ? run_model_->embedding : 0);
  packed_ = !packed_type(model).empty() || model.quantization.has_value();
  if (!model.by_dtype.empty()) stored_as_ = model.by_dtype.front().dtype;
  if (model.quantization) stored_as_ = model.quantization->scheme;
  predicts_words_ = std::ranges::find(kWordless, std::string_view(model.kind)) == kWordless.end();
  prediction_ = model.prediction.has_value();
}

std::uint64_t TrainedModel::tokens(const TrainingSettings& settings) const {
  if (settings.tokens) return *settings.tokens;
  const std::uint64_t own = run_model_ ? run_model_->trained_context.value_or(0) : 0;
  return own == 0 ? kDefaultTrainingTokens : std::min(own, kDefaultTrainingTokens);
}

// Adapters leave the rest as it is stored; QLoRA makes NF4 of linear layers and 16 bits of all else.
std::uint64_t TrainedModel::frozen_bytes(const TrainingSettings& settings) const {
  if (settings.recipe == Recipe::Full) return 0;
  if (settings.recipe == Recipe::Lora || packed_) return tensors_.stored_bytes;
  return plus(tensors_.nf4_bytes, times(kHalf, minus(tensors_.parameters, tensors_.nf4_parameters)));
}

TrainingNeed TrainedModel::need(const TrainingSettings& settings) const {
  TrainingNeed need;
  const bool full = settings.recipe == Recipe::Full;
  need.trained_parameters = full ? tensors_.parameters : times(settings.rank, tensors_.sides);
  // An adapter is two matrices: rank x in and out x rank.
  const std::uint64_t factored =
      full ? tensors_.factored : plus(tensors_.sides, times(times(2, settings.rank), tensors_.adapted));
  const StateBytes states = state_bytes(need.trained_parameters, factored, frozen_bytes(settings), settings);
  need.weights = states.weights;
  need.gradients = states.gradients;
  need.optimizer_states = states.optimizer_states;
  if (run_model_) {
    const std::uint64_t length = tokens(settings);
    need.activations = activation_bytes(*run_model_, tensors_, settings, length);
    // A packed matrix is unpacked to be used, one at a time.
    const bool unpacks = settings.recipe == Recipe::Qlora || packed_;
    if (unpacks) need.activations = sum_of(need.activations, times(kHalf, tensors_.largest_matrix));
    need.logits = predicts_words_ ? logit_bytes(run_model_->vocab, settings.sequences, length) : 0;
  }
  need.overhead = plus(kContextBytes, need.total() / kWasteDivisor);
  if (settings.sharding == Sharding::Zero3 && settings.devices > 1) {
    need.overhead = plus(need.overhead, times(kGatheredLayers, times(kHalf, tensors_.largest_block)));
  }
  return need;
}

std::vector<std::string> TrainedModel::rules(const TrainingSettings& settings) const {
  std::vector<std::string> rules;
  rules.push_back(fmt::format("weights, gradients and states: {}", settings.optimizer->source));
  if (settings.recipe == Recipe::Lora) rules.emplace_back("adapters: LoRA (Hu et al. 2021)");
  if (settings.recipe == Recipe::Qlora) rules.emplace_back("adapters and NF4: QLoRA (Dettmers et al. 2023)");
  if (settings.sharding != Sharding::None) rules.emplace_back("sharding: ZeRO (Rajbhandari et al. 2020), 5");
  if (need(settings).activations)
    rules.emplace_back(
        "activations: selective recomputation (Korthikanti et al. 2022), equations 1 to 4, and gates and RMS norms as "
        "transformers has them");
  return rules;
}

std::vector<std::string> TrainedModel::assumptions(const TrainingSettings& settings) const {
  std::vector<std::string> notes;
  const bool adapters = settings.recipe != Recipe::Full;
  if (adapters) {
    notes.push_back(fmt::format("adapters of rank {} beside {} linear layer{} of blocks{}", settings.rank,
                                tensors_.adapted, tensors_.adapted == 1 ? "" : "s",
                                tensors_.stacked_experts ? ", each expert's too" : ""));
  }
  if (settings.recipe == Recipe::Lora) notes.push_back("the base stays in " + stored_as_);
  if (settings.recipe == Recipe::Qlora && tensors_.stacked_experts && !packed_) {
    notes.emplace_back("experts that are stacked in one tensor stay in 16 bits");
  }
  if (!need(settings).activations) {
    notes.emplace_back("the files do not say what the layers keep: activations are not counted");
  }
  if (tensors_.towers) {
    notes.push_back(fmt::format("{}activations of images and sound are not counted",
                                adapters ? "towers stay frozen; " : "towers are trained, too; "));
  }
  if (prediction_) notes.emplace_back("blocks of multi-token prediction are left out");
  if (!predicts_words_) notes.emplace_back("trained without logits over the vocabulary");
  if (settings.eager_attention) notes.emplace_back("eager attention makes the attention matrix");
  if (run_model_ && run_model_->trained_context && tokens(settings) > *run_model_->trained_context) {
    notes.push_back(fmt::format("the model was made for {} tokens", *run_model_->trained_context));
  }
  return notes;
}

std::optional<std::string> TrainedModel::refusal(Recipe recipe) const {
  if (recipe == Recipe::Full || tensors_.adapted != 0) return std::nullopt;
  return "no linear layers in blocks are known here that adapters could be put beside";
}

std::optional<std::string> not_trained(const Model& model, Recipe recipe) {
  if (is_gguf(model.checkpoint)) {
    return "a GGUF file is for running: training starts from the safetensors checkpoint that it was made of";
  }
  const std::string_view type = packed_type(model);
  if (type.empty() && !model.quantization) return std::nullopt;
  const std::string scheme = model.quantization ? model.quantization->scheme : std::string(type);
  if (recipe == Recipe::Full) {
    return fmt::format("weights in {} are not trained in full: start from the checkpoint in 16 bits, or --train lora",
                       scheme);
  }
  if (recipe == Recipe::Qlora && !is_nf4(scheme)) {
    return fmt::format(
        "QLoRA makes NF4 of a checkpoint in 16 bits, and this one is in {}: --train lora trains beside it", scheme);
  }
  return std::nullopt;
}

}  // namespace weigh::core
