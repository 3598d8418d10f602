// The values of the public header, filled from those of core.
#include <bit>
#include <utility>

#include "src/fit/companions.h"
#include "src/memory/memory.h"
#include "src/quantize/quantization_name.h"
#include "src/report/fit_words.h"
#include "src/report/listings.h"
#include "src/weigh/access.h"

namespace weigh {
namespace {

Architecture architecture_of(const core::Architecture& from) {
  return {.name = from.name,
          .layers = from.layers,
          .context_length = from.context_length,
          .embedding_length = from.embedding_length,
          .heads = from.heads,
          .kv_heads = from.kv_heads,
          .vocab_size = from.vocab_size,
          .kv_heads_per_layer = from.kv_heads_per_layer,
          .head_size_k = from.head_size_k,
          .head_size_v = from.head_size_v,
          .feed_forward_length = from.feed_forward_length,
          .expert_feed_forward_length = from.expert_feed_forward_length,
          .sliding_window = from.sliding_window,
          .tied_embeddings = from.tied_embeddings,
          .tokenizer = from.tokenizer,
          .chat_template = from.chat_template,
          .license = from.license,
          .base_model = from.base_model};
}

Parameters parameters_of(const core::Model& from) {
  Parameters parameters{.total = from.known_total(),
                        .active = from.active_parameters,
                        .prediction = from.prediction ? core::known_parameters(*from.prediction) : 0,
                        .active_without_embedding = {},
                        .active_without_embedding_and_head = {}};
  if (from.active_conventions) {
    parameters.active_without_embedding = from.active_conventions->without_embedding;
    parameters.active_without_embedding_and_head = from.active_conventions->without_embedding_and_head;
  }
  return parameters;
}

Weights weights_of(const core::Model& from) {
  Weights weights{.bytes = from.weight_bytes,
                  .padding_bytes = from.padding_bytes,
                  .bits_per_weight = from.bits_per_weight(),
                  .by_dtype = {},
                  .by_role = {}};
  for (const core::DtypeTotals& row : from.by_dtype) {
    weights.by_dtype.push_back({row.dtype, row.tensors, row.elements, core::known_parameters(row), row.bytes});
  }
  for (const core::RoleTotals& row : from.by_role) {
    weights.by_role.push_back(
        {std::string(core::role_name(row.role)), row.tensors, core::known_parameters(row), row.bytes});
  }
  return weights;
}

std::vector<File> files_of(const core::Checkpoint& from) {
  std::vector<File> files;
  for (std::size_t i = 0; i < from.files.size(); ++i) {
    const core::ModelFile& file = from.files[i];
    files.push_back({.path = i < from.file_paths.size() ? from.file_paths[i] : file.name,
                     .bytes = file.file_bytes,
                     .header_bytes = file.header_bytes,
                     .data_bytes = file.data_bytes(),
                     .tensors = file.tensors.size()});
  }
  return files;
}

Need need_of(const core::MemoryNeed& from) {
  return {.weights = from.weights,
          .kv_cache = from.kv_cache,
          .state = from.state,
          .compute = from.compute,
          .overhead = from.overhead,
          .total = from.total()};
}

PlacedPart part_of(const core::PlacedPart& from) {
  return {.device = from.device,
          .layers = from.layers,
          .output = from.output,
          .need = need_of(from.need),
          .budget_bytes = from.budget_bytes};
}

Placement placement_of(const core::Placement& from, const std::vector<std::string>& flags) {
  Placement placement{.gpu_layers = from.gpu_layers,
                      .cpu_moe_layers = from.cpu_moe_layers,
                      .per_device = {},
                      .host = part_of(from.host),
                      .flags = flags};
  for (const core::PlacedPart& part : from.devices) placement.per_device.push_back(part_of(part));
  return placement;
}

}  // namespace

ModelInfo info_of(const core::Model& from) {
  ModelInfo info;
  info.path = from.checkpoint.path;
  info.name = from.checkpoint.name;
  const core::ModelFile& first = from.checkpoint.files.front();
  info.format = first.format == core::Format::Gguf ? Format::Gguf : Format::Safetensors;
  info.format_version = first.version;
  info.big_endian = first.byte_order == std::endian::big;
  info.header_only = from.checkpoint.header_only;
  info.files = files_of(from.checkpoint);
  info.kind = from.kind;
  info.architecture = architecture_of(from.architecture);
  info.parameters = parameters_of(from);
  info.weights = weights_of(from);
  if (const auto& experts = from.experts) {
    info.experts = Experts{experts->count,
                           experts->used,
                           experts->shared,
                           experts->layers,
                           core::known_parameters(*experts),
                           experts->active_parameters,
                           experts->bytes};
  }
  if (auto quantization = core::named_quantization(from)) {
    info.quantization = Quantization{std::move(quantization->scheme), quantization->bits, quantization->group_size,
                                     std::move(quantization->name)};
  }
  info.findings = findings_of(from.findings);
  return info;
}

std::vector<Tensor> tensors_of(const core::Model& model) {
  std::vector<Tensor> tensors;
  tensors.reserve(model.tensors.size());
  for (const core::TensorFacts& facts : model.tensors) {
    const core::Tensor& from = *facts.tensor;
    Tensor& tensor = tensors.emplace_back();
    tensor.name = from.name;
    tensor.dtype = core::name(from.dtype);
    tensor.shape.assign(from.shape.begin(), from.shape.end());
    tensor.parameters = core::known_parameters(facts);
    tensor.bytes = from.bytes;
    tensor.offset = facts.file->header_bytes + from.offset;
    tensor.file = model.file_index(facts);
    tensor.role = core::role_name(facts.role);
    if (facts.layer >= 0) tensor.layer = static_cast<std::uint32_t>(facts.layer);
  }
  return tensors;
}

std::vector<Finding> findings_of(const std::vector<core::Finding>& from) {
  std::vector<Finding> findings;
  for (const core::Finding& finding : from) {
    findings.push_back({.severity = static_cast<Severity>(finding.severity),
                        .code = std::string(core::name_of(finding.code)),
                        .message = finding.message,
                        .tensor = finding.tensor,
                        .offset = finding.offset,
                        .file = finding.file});
  }
  return findings;
}

Device device_of(const core::Device& from) {
  const core::Budget budget = core::budget_of(from);
  return {.id = from.id,
          .name = from.name,
          .vendor = from.vendor,
          .kind = std::string(core::kind_name(from.kind)),
          .count = from.count,
          .memory_bytes = budget.memory,
          .limit_bytes = budget.limit,
          .budget_bytes = budget.safe,
          .bandwidth_bytes_per_second = from.bandwidth_bytes_per_second,
          .reason = core::budget_text(budget)};
}

Training training_of(const core::Training& from) {
  const core::TrainingSettings& settings = from.settings;
  const core::TrainingNeed& need = from.need;
  Training training;
  training.recipe = core::name_of(settings.recipe);
  training.optimizer = settings.optimizer->name;
  training.checkpointing = core::name_of(settings.checkpointing);
  training.shard = core::name_of(settings.sharding);
  if (settings.recipe != core::Recipe::Full) training.rank = settings.rank;
  training.devices = settings.devices;
  training.sequences = settings.sequences;
  training.tokens = from.tokens;
  training.trained_parameters = need.trained_parameters;
  training.weights = need.weights;
  training.gradients = need.gradients;
  training.optimizer_states = need.optimizer_states;
  training.activations = need.activations;
  training.logits = need.logits;
  training.overhead = need.overhead;
  training.total = need.total();
  training.rules = from.rules;
  training.assumptions = from.assumptions;
  return training;
}

Fit fit_of(const core::Fit& from) {
  Fit fit;
  fit.device = from.device.id;
  fit.count = from.device.count;
  if (from.engine) fit.engine = core::engine_name(*from.engine);
  fit.context = from.context;
  fit.kv_type = from.kv_type;
  fit.memory_bytes = from.memory_bytes;
  fit.limit_bytes = from.limit_bytes;
  fit.budget_bytes = from.budget_bytes;
  fit.need = need_of(from.need);
  for (const core::CompanionShare& share : from.companions) {
    fit.companions.push_back(
        {std::string(core::role_name(share.role)), share.path, need_of(share.need), share.host_bytes, share.kv_type});
  }
  if (from.basis) fit.basis = core::basis_name(*from.basis);
  if (from.exact) fit.exact_for = core::kRuleSet;
  fit.remark = core::remark_text(from.remark, from.architecture);
  fit.verdict = static_cast<Verdict>(from.verdict);
  fit.headroom_bytes = from.headroom_bytes;
  fit.reason = core::reason_text(from);
  if (from.host) {
    fit.host = HostShare{.need_bytes = from.host->need_bytes,
                         .budget_bytes = from.host->budget.safe,
                         .memory_bytes = from.host->budget.memory,
                         .source = std::string(core::host_source_name(from.host->source))};
  }
  if (from.placement) fit.placement = placement_of(*from.placement, from.flags);
  fit.max_context = from.max_context;
  if (from.speed) fit.speed = SpeedBound{from.speed->empty, from.speed->full};
  fit.command = from.command;
  for (const core::Advice& advice : from.advice) {
    fit.advice.push_back(
        {std::string(core::advice_name(advice.kind)), core::advice_text(advice), advice.flags, advice.need_bytes});
  }
  if (from.training) fit.training = training_of(*from.training);
  return fit;
}

ScanRow row_of(core::StoredModel&& stored) {
  core::ScanRow& from = stored.row;
  return {.path = std::move(from.path),
          .name = std::move(from.name),
          .format = std::move(from.format),
          .store = std::move(from.store),
          .architecture = std::move(from.architecture),
          .dtype = std::move(from.dtype),
          .parameters = from.parameters,
          .active_parameters = from.active,
          .bits_per_weight = from.bits_per_weight,
          .weight_bytes = from.weight_bytes,
          .file_bytes = from.file_bytes,
          .files = from.files,
          .errors = from.errors,
          .warnings = from.warnings,
          .header_only = from.header_only,
          .verdicts = std::move(from.verdicts),
          .json = std::move(stored.line),
          .quantization = std::move(from.quantization)};
}

Failure failure_of(core::Failure&& from) { return {std::move(from.path), std::move(from.message), from.offset}; }

}  // namespace weigh
