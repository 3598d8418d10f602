#include "src/model/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "formats/checked.h"
#include "formats/error.h"
#include "src/model/architecture.h"
#include "src/model/experts.h"
#include "src/model/kind.h"
#include "src/model/naming/name_reader.h"
#include "src/model/packing/quantization.h"

namespace weigh::core {

namespace {

struct Sums {
  std::uint64_t tensors = 0;
  SaturatingSum elements, parameters, bytes;
  bool parameters_known = true;

  void add(const TensorFacts& facts) {
    ++tensors;
    elements.add(facts.tensor->elements);
    parameters.add(facts.parameters);
    bytes.add(facts.tensor->bytes);
    parameters_known = parameters_known && facts.parameters_known;
  }
  [[nodiscard]] bool overflowed() const { return elements.overflowed || parameters.overflowed || bytes.overflowed; }
};

constexpr auto kLargestFirst = [](const auto& a, const auto& b) { return a.bytes > b.bytes; };

// Adds up what the tensors say. False when some sum does not fit in 64 bits.
bool add_up(Model& model) {
  std::array<Sums, 256> dtypes{};  // by Dtype, which is one byte
  std::array<Sums, static_cast<std::size_t>(Role::Count)> roles{};
  Sums all;
  SaturatingSum padding;
  for (const TensorFacts& facts : model.tensors) {
    dtypes[static_cast<std::size_t>(facts.tensor->dtype)].add(facts);
    roles[static_cast<std::size_t>(facts.role)].add(facts);
    all.add(facts);
  }
  for (const ModelFile& file : model.checkpoint.files) padding.add(file.padding_bytes);
  for (std::size_t i = 0; i < dtypes.size(); ++i) {
    if (dtypes[i].tensors == 0) continue;
    model.by_dtype.push_back({.dtype = std::string(name(static_cast<Dtype>(i))),
                              .tensors = dtypes[i].tensors,
                              .elements = dtypes[i].elements.value,
                              .parameters = dtypes[i].parameters.value,
                              .bytes = dtypes[i].bytes.value,
                              .parameters_known = dtypes[i].parameters_known});
  }
  for (std::size_t i = 0; i < roles.size(); ++i) {
    if (roles[i].tensors == 0) continue;
    model.by_role.push_back({.role = static_cast<Role>(i),
                             .tensors = roles[i].tensors,
                             .parameters = roles[i].parameters.value,
                             .bytes = roles[i].bytes.value,
                             .parameters_known = roles[i].parameters_known});
  }
  std::ranges::sort(model.by_dtype, {}, &DtypeTotals::dtype);
  std::ranges::stable_sort(model.by_dtype, kLargestFirst);
  std::ranges::stable_sort(model.by_role, kLargestFirst);
  model.total_parameters = all.parameters.value;
  model.weight_bytes = all.bytes.value;
  model.padding_bytes = padding.value;
  return !all.overflowed() && !padding.overflowed;
}

// Parts of a sum that fits, so nothing here can wrap: routed <= total, active <= routed, one role <= total.
void count_active(Model& model) {
  if (!model.parameters_known) return;
  if (!model.experts) {
    model.active_parameters = model.total_parameters;
  } else if (model.experts->active_parameters) {
    model.active_parameters = model.total_parameters - model.experts->parameters + *model.experts->active_parameters;
  }
}

// Experts of unknown weights work in an unknown number.
void forget_unknown_experts(Model& model) {
  if (!model.experts) return;
  const bool unknown = std::ranges::any_of(
      model.tensors, [](const TensorFacts& facts) { return facts.routed_expert && !facts.parameters_known; });
  if (!unknown) return;
  model.experts->parameters_known = false;
  model.experts->active_parameters.reset();
  model.experts->prediction_active_parameters.reset();
}

// A copy of the embedding or the head that a prediction block keeps for itself.
bool is_copy(const Tensor& tensor) {
  return tensor.shape.size() == 2 &&
         (tensor.name.ends_with(".embed_tokens.weight") || tensor.name.ends_with(".shared_head.head.weight") ||
          tensor.name.ends_with(".shared_head_head.weight"));
}

void count_prediction(Model& model) {
  Sums sums;
  SaturatingSum copied;
  for (const TensorFacts& facts : model.tensors) {
    if (!facts.prediction) continue;
    sums.add(facts);
    if (is_copy(*facts.tensor)) copied.add(facts.parameters);
  }
  if (sums.tensors == 0) return;
  Prediction& prediction = model.prediction.emplace();
  prediction.blocks = static_cast<std::uint64_t>(std::ranges::count(model.blocks, true, &Block::prediction));
  prediction.tensors = sums.tensors;
  prediction.parameters = sums.parameters.value;
  prediction.bytes = sums.bytes.value;
  prediction.parameters_known = sums.parameters_known;
  prediction.copied_parameters = copied.value;
  if (!model.active_parameters) return;
  prediction.active_parameters = prediction.parameters;
  if (model.experts) {
    *prediction.active_parameters -= model.experts->prediction_parameters;
    *prediction.active_parameters += model.experts->prediction_active_parameters.value_or(0);
  }
}

void count_conventions(Model& model) {
  if (!model.active_parameters) return;
  const auto parameters_of = [&](Role role) {
    const auto row = std::ranges::find(model.by_role, role, &RoleTotals::role);
    return row == model.by_role.end() ? 0 : row->parameters;
  };
  ActiveConventions& active = model.active_conventions.emplace();
  active.without_prediction = *model.active_parameters;
  if (model.prediction) active.without_prediction -= model.prediction->active_parameters.value_or(0);
  active.without_embedding = active.without_prediction - parameters_of(Role::TokenEmbedding);
  active.without_embedding_and_head = active.without_embedding - parameters_of(Role::OutputHead);
}

// Names that no pattern knows are worth a word: their share is in no other row of the roles.
void remark_unknown_roles(const Model& model, std::vector<Finding>& findings) {
  constexpr std::size_t kShown = 3;
  std::uint64_t count = 0;
  std::vector<std::string> shown;
  for (const TensorFacts& facts : model.tensors) {
    if (facts.role != Role::Other) continue;
    if (count++ < kShown) shown.push_back(quote(facts.tensor->name));
  }
  if (count == 0) return;
  findings.emplace_back(FindingCode::UnknownRole, Severity::Note,
                        count <= kShown
                            ? fmt::format("nothing is known of what {} {}: counted as other", fmt::join(shown, ", "),
                                          count == 1 ? "does" : "do")
                            : fmt::format("nothing is known of what {} tensors do, {} first: counted as other", count,
                                          fmt::join(shown, ", ")));
}

// The files' findings, the checkpoint's, then ours; errors first, otherwise in the order they came.
void merge_findings(std::vector<Finding> own, Model& model) {
  for (const ModelFile& file : model.checkpoint.files) {
    for (Finding finding : file.findings) {
      if (finding.file.empty()) finding.file = file.name;
      model.findings.push_back(std::move(finding));
    }
  }
  const auto& set = model.checkpoint.findings;
  model.findings.insert(model.findings.end(), set.begin(), set.end());
  std::ranges::move(own, std::back_inserter(model.findings));
  std::ranges::stable_sort(model.findings, std::greater<>{}, &Finding::severity);
}

template <typename Get>
std::uint64_t sum_over_files(const Checkpoint& checkpoint, Get get) {
  SaturatingSum sum;
  for (const ModelFile& file : checkpoint.files) sum.add(get(file));
  return sum.value;
}

}  // namespace

std::uint64_t Model::file_bytes() const {
  return sum_over_files(checkpoint, [](const ModelFile& file) { return file.file_bytes; });
}
std::uint64_t Model::header_bytes() const {
  return sum_over_files(checkpoint, [](const ModelFile& file) { return file.header_bytes; });
}

std::optional<std::uint64_t> Model::known_total() const {
  return parameters_known ? std::optional(total_parameters) : std::nullopt;
}

std::optional<double> Model::bits_per_weight() const {
  if (total_parameters == 0 || !parameters_known) return std::nullopt;
  return 8.0 * static_cast<double>(weight_bytes) / static_cast<double>(total_parameters);
}

std::vector<BlockTotals> totals_by_block(const Model& model) {
  std::vector<Sums> sums(model.blocks.size());
  for (const TensorFacts& facts : model.tensors) sums[facts.block].add(facts);
  std::vector<BlockTotals> rows;
  for (std::size_t block = 0; block < sums.size(); ++block) {
    rows.push_back({.block = model.blocks[block],
                    .tensors = sums[block].tensors,
                    .parameters = sums[block].parameters.value,
                    .bytes = sums[block].bytes.value,
                    .parameters_known = sums[block].parameters_known});
  }
  return rows;
}

std::vector<TensorFacts> tensors_of(const Checkpoint& checkpoint) {
  std::size_t count = 0;
  for (const ModelFile& file : checkpoint.files) count += file.tensors.size();
  std::vector<TensorFacts> tensors;
  tensors.reserve(count);
  for (const ModelFile& file : checkpoint.files) {
    for (const Tensor& tensor : file.tensors) tensors.push_back({.tensor = &tensor, .file = &file});
  }
  return tensors;
}

Model describe(Checkpoint checkpoint) {
  Model model;
  model.checkpoint = std::move(checkpoint);
  model.tensors = tensors_of(model.checkpoint);
  std::vector<Finding> findings;
  model.quantization = count_parameters(model.checkpoint, model.tensors, findings);
  ReadNames names = read_names(model.tensors, naming_of(model.checkpoint));
  for (std::size_t i = 0; i < model.tensors.size(); ++i) {
    const std::uint32_t block = names.tensors[i].block;
    model.tensors[i].block = block;
    model.tensors[i].layer = names.blocks[block].layer;
    model.tensors[i].stack = names.blocks[block].stack;
  }
  model.experts = find_experts(model.checkpoint, names, model.tensors, findings);
  assign_roles(names, model.tensors);
  model.parameters_known = !report_unknown_packing(model.checkpoint, model.tensors, findings);
  forget_unknown_experts(model);
  model.blocks = std::move(names.blocks);
  model.architecture = read_architecture(model.checkpoint, model.tensors);
  model.architecture.tied_embeddings = decide_tied_head(model.checkpoint, model.tensors, findings);
  // A head in a missing shard is not tied.
  if (parts_missing(model.checkpoint)) model.architecture.tied_embeddings.reset();
  if (!add_up(model)) {
    findings.emplace_back(FindingCode::SumOverflow, Severity::Error,
                          "the tensors' sizes add up to more than 64 bits hold; the sums stop at 2^64 - 1");
  } else {
    count_active(model);
    count_prediction(model);
    count_conventions(model);
  }
  model.adapter = adapter_facts(model.checkpoint, model.tensors);
  model.projector = projector_facts(model.checkpoint);
  model.kind = kind_of_model(model);
  remark_unknown_roles(model, findings);
  const auto claimed = model.checkpoint.claimed_parameters;
  if (claimed && model.parameters_known && *claimed != model.total_parameters) {
    findings.emplace_back(FindingCode::IndexTotalParameters, Severity::Warning,
                          fault("total_parameters in the index", std::to_string(*claimed),
                                std::to_string(model.total_parameters) + ", the sum of the tensors"));
  }
  merge_findings(std::move(findings), model);
  return model;
}

Model hypothetical_model(std::uint64_t parameters, std::string_view dtype, std::uint64_t bits_per_parameter) {
  // Whole bytes, rounded up; 8 parameters at a time so that the product cannot wrap before it is divided.
  const std::uint64_t whole = times(parameters / 8, bits_per_parameter);
  const std::uint64_t rest = (times(parameters % 8, bits_per_parameter) + 7) / 8;
  SaturatingSum bytes{.value = whole};
  bytes.add(rest);
  Model model;
  model.total_parameters = parameters;
  model.active_parameters = parameters;
  model.weight_bytes = bytes.value;
  model.by_dtype.push_back({.dtype = std::string(dtype),
                            .tensors = 0,
                            .elements = parameters,
                            .parameters = parameters,
                            .bytes = bytes.value});
  return model;
}

}  // namespace weigh::core
