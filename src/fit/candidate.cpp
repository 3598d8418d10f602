#include "src/fit/candidate.h"

#include <algorithm>
#include <array>
#include <utility>

#include "src/memory/cache.h"
#include "src/memory/prediction.h"

namespace weigh::core {

namespace {

// A classifier or a diffusion model also has layers and a width; without a vocabulary or a rule it keeps no cache.
std::optional<RunModel> run_model_of(const Model& model) {
  if (model.checkpoint.kind != CheckpointKind::Model) return std::nullopt;
  auto run_model = read_run_model(model);
  if (run_model && !run_model->known() && run_model->vocab == 0) return std::nullopt;
  return run_model;
}

}  // namespace

Engine default_engine(const Model& model) {
  if (is_gguf(model.checkpoint)) return Engine::LlamaCpp;
  return model.quantization && model.quantization->scheme == "mlx-affine" ? Engine::Mlx : Engine::Transformers;
}

namespace {

// The file that the plan says, without its keys. Names of tensors are views into the plan.
Checkpoint planned_checkpoint(const GgufPlan& plan, const QuantizerType* type) {
  std::vector<Dtype> types;
  if (type != nullptr) types = predict_types(plan, type->ftype);
  ModelFile file;
  file.format = Format::Gguf;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const PlannedTensor& planned = plan.tensors[i];
    Tensor tensor;
    tensor.name = planned.name;
    tensor.dtype = type != nullptr ? types[i] : planned.dtype;
    tensor.shape = planned.shape;
    tensor.elements = element_count(planned.shape).value_or(0);
    tensor.bytes = tensor_bytes(tensor.dtype, planned.shape).value_or(0);
    file.tensors.push_back(tensor);
  }
  Checkpoint checkpoint;
  checkpoint.files.push_back(std::move(file));
  return checkpoint;
}

}  // namespace

// What the source would be as a GGUF, described like any other.
struct Candidate::Converted {
  GgufPlan plan;
  Model model;

  Converted(const Model& source, const QuantizerType* type)
      : plan(plan_gguf(source)), model(describe(planned_checkpoint(plan, type))) {}
  Converted(const Converted&) = delete;
  Converted& operator=(const Converted&) = delete;
};

Candidate::Candidate(const Model& source, Engine engine, const QuantizerType* type, std::vector<Companion> companions)
    : source_(source),
      engine_(engine),
      type_(type),
      companions_(std::move(companions)),
      run_model_(run_model_of(source)) {
  const bool convert = type != nullptr || (engine == Engine::LlamaCpp && !is_gguf(source.checkpoint));
  if (convert && !source.checkpoint.files.empty()) converted_ = std::make_shared<const Converted>(source, type);
  for (Companion& companion : companions_) load(companion);
  if (run_model_) parts_ = weight_parts(weights(), *run_model_);
}

Candidate::Candidate(const Candidate& whole, RunModel part)
    : source_(whole.source_),
      engine_(whole.engine_),
      type_(whole.type_),
      run_model_(std::move(part)),
      converted_(whole.converted_),
      parts_(weight_parts(weights(), *run_model_)) {}

void Candidate::load(Companion& companion) {
  if (companion.role == CompanionRole::Draft) draft_ = std::make_unique<Candidate>(*companion.model, engine_);
  if (companion.role != CompanionRole::Prediction) return;
  companion.model = &source_;
  if (!run_model_) return;
  auto part = prediction_model(*run_model_);
  if (!part) return;
  run_model_->prediction = PredictionUse::Loaded;
  draft_ = std::unique_ptr<Candidate>(new Candidate(*this, *std::move(part)));
}

const Model& Candidate::weights() const { return converted_ ? converted_->model : source_; }

bool Candidate::has_experts() const {
  return std::ranges::any_of(parts_.blocks, [](const WeightParts::Block& block) { return block.experts != 0; });
}

std::uint64_t Candidate::context(const Run& run) const {
  return run_model_ ? asked_context(*run_model_, run) : run.context.value_or(kDefaultContext);
}

const RunNeed& Candidate::whole(const Run& run) {
  const auto [at, is_new] = whole_.try_emplace(run.in_one_memory());
  if (!is_new) return at->second;
  RunNeed& whole = at->second;
  if (!run_model_) {
    whole.need.weights = weights().weight_bytes;
    whole.basis = Basis::Assumed;
    whole.remark = Remark::WeightsOnly;
    return whole;
  }
  whole = measure(source_, *run_model_, parts_, graphs_, run);
  if (converted_) whole.need.weights = loaded_weights(parts_);
  return whole;
}

const SplitNeed& Candidate::split(const Run& run) {
  const auto [at, is_new] = split_.try_emplace(run);
  if (is_new) {
    constexpr std::array kOne{1.0};
    at->second = split(run, kOne);
  }
  return at->second;
}

SplitNeed Candidate::split(const Run& run, std::span<const double> proportions) {
  if (!table_) table_.emplace(weights());
  return split_need(*run_model_, parts_, *table_, graphs_, run, proportions);
}

const std::vector<std::uint64_t>& Candidate::layer_pieces() {
  if (pieces_) return *pieces_;
  std::map<std::int32_t, std::uint64_t> layers;
  std::vector<std::uint64_t> outside;
  for (const TensorFacts& facts : source_.tensors) {
    if (facts.layer < 0) {
      outside.push_back(facts.tensor->bytes);
    } else {
      layers[facts.layer] += facts.tensor->bytes;
    }
  }
  pieces_.emplace();
  for (const auto& [layer, bytes] : layers) pieces_->push_back(bytes);
  pieces_->insert(pieces_->end(), outside.begin(), outside.end());
  return *pieces_;
}

}  // namespace weigh::core
