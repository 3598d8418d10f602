#include "src/fit/candidate.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace weigh::core {

namespace {

constexpr std::array kEngineNames{std::pair{Engine::LlamaCpp, std::string_view("llama.cpp")},
                                  std::pair{Engine::Transformers, std::string_view("transformers")},
                                  std::pair{Engine::Vllm, std::string_view("vllm")},
                                  std::pair{Engine::Mlx, std::string_view("mlx")}};

bool is_gguf(const Model& model) {
  return !model.checkpoint.files.empty() && model.checkpoint.files.front().format == Format::Gguf;
}

// "blk.12.ffn_up.weight" -> 12; -1 outside of blocks.
std::int32_t block_number(std::string_view name) {
  constexpr std::string_view kBlock = "blk.";
  std::int32_t number = -1;
  if (name.starts_with(kBlock)) std::from_chars(name.data() + kBlock.size(), name.data() + name.size(), number);
  return number;
}

// A classifier or a diffusion model also has layers and a width; without a vocabulary or a rule it keeps no cache.
std::optional<RunModel> run_model_of(const Model& model) {
  if (model.checkpoint.kind != CheckpointKind::Model) return std::nullopt;
  auto run_model = read_run_model(model);
  if (run_model && run_model->rule == nullptr && run_model->vocab == 0) return std::nullopt;
  return run_model;
}

}  // namespace

std::string_view engine_name(Engine engine) { return kEngineNames[static_cast<std::size_t>(engine)].second; }

std::optional<Engine> engine_by_name(std::string_view name) {
  const auto row = std::ranges::find(kEngineNames, name, &std::pair<Engine, std::string_view>::second);
  return row == kEngineNames.end() ? std::nullopt : std::optional(row->first);
}

Engine default_engine(const Model& model) {
  if (is_gguf(model)) return Engine::LlamaCpp;
  return model.quantization && model.quantization->scheme == "mlx-affine" ? Engine::Mlx : Engine::Transformers;
}

// A model of the plan's tensors, whose names are views into the plan.
struct Candidate::Converted {
  GgufPlan plan;
  Model model;

  Converted(const Model& source, const QuantizerType* type) : plan(plan_gguf(source)) {
    std::vector<Dtype> types;
    if (type != nullptr) types = predict_types(plan, type->ftype);
    ModelFile file;
    for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
      const PlannedTensor& planned = plan.tensors[i];
      Tensor tensor;
      tensor.name = planned.name;
      tensor.dtype = type != nullptr ? types[i] : planned.dtype;
      tensor.bytes = weigh::core::tensor_bytes(tensor.dtype, planned.shape).value_or(0);
      TensorFacts facts;
      facts.layer = block_number(planned.name);
      facts.stack = facts.layer < 0 ? Stack::None : Stack::Main;
      facts.routed_expert = planned.name.find("exps.") != std::string::npos;
      model.weight_bytes += tensor.bytes;
      file.tensors.push_back(tensor);
      model.tensors.push_back(facts);
    }
    model.checkpoint.files.push_back(std::move(file));
  }
};

Candidate::Candidate(const Model& source, Engine engine, const QuantizerType* type, std::vector<Companion> companions)
    : source_(source),
      engine_(engine),
      type_(type),
      companions_(std::move(companions)),
      run_model_(run_model_of(source)) {
  const bool convert = type != nullptr || (engine == Engine::LlamaCpp && !is_gguf(source));
  if (convert && !source.checkpoint.files.empty()) converted_ = std::make_shared<const Converted>(source, type);
  if (run_model_) parts_ = weight_parts(weights(), *run_model_);
  for (const Companion& companion : companions_) {
    if (companion.role == CompanionRole::Draft) draft_ = std::make_unique<Candidate>(*companion.model, engine);
  }
}

const Model& Candidate::weights() const { return converted_ ? converted_->model : source_; }

bool Candidate::has_experts() const {
  return std::ranges::any_of(parts_.blocks, [](const WeightParts::Block& block) { return block.experts != 0; });
}

Candidate::RunKey Candidate::key_of(const Run& run) {
  return {run.context,     run.key_type,        run.value_type,        run.sequences,  run.unified_cache, run.batch,
          run.micro_batch, run.flash_attention, run.full_window_cache, run.gpu_layers, run.cpu_moe_layers};
}

const Footprint& Candidate::whole(const Run& run) {
  const auto [place, is_new] = whole_.try_emplace(key_of(run));
  if (!is_new) return place->second;
  Footprint& footprint = place->second;
  if (!run_model_) {
    footprint.weights = weights().weight_bytes;
    footprint.basis = Basis::Assumed;
    footprint.remark = "the files do not say what a run needs beside the weights";
    return footprint;
  }
  footprint = measure(source_, run);
  if (converted_) footprint.weights = loaded_weights(weights(), *run_model_);
  return footprint;
}

const Placement& Candidate::beside_host(const Run& run) {
  const auto [at, is_new] = beside_host_.try_emplace(key_of(run));
  if (is_new) {
    constexpr std::array kOne{1.0};
    at->second = placed(run, kOne);
  }
  return at->second;
}

Placement Candidate::placed(const Run& run, std::span<const double> proportions) const {
  return place(weights(), *run_model_, run, proportions);
}

}  // namespace weigh::core
