#include "src/model/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "formats/error.h"
#include "src/model/architecture.h"
#include "src/model/experts.h"
#include "src/model/quantization.h"
#include "src/model/remark.h"
#include "src/model/sum.h"

namespace weigh {

namespace {

std::vector<const Tensor*> all_tensors(const Checkpoint& checkpoint) {
  std::vector<const Tensor*> tensors;
  for (const ModelFile& file : checkpoint.files) {
    for (const Tensor& tensor : file.tensors) tensors.push_back(&tensor);
  }
  return tensors;
}

struct DtypeSums {
  std::uint64_t tensors = 0;
  Sum elements, parameters, bytes;
};

// Adds up what the tensors say. False when some sum does not fit in 64 bits.
bool add_up(std::span<const Tensor* const> tensors, Model& model) {
  std::array<DtypeSums, 256> sums{};  // by Dtype, which is one byte
  Sum parameters, bytes, elements, padding;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    DtypeSums& row = sums[static_cast<std::size_t>(tensors[i]->dtype)];
    ++row.tensors;
    row.elements.add(tensors[i]->elements);
    row.parameters.add(model.tensors[i].parameters);
    row.bytes.add(tensors[i]->bytes);
    parameters.add(model.tensors[i].parameters);
    bytes.add(tensors[i]->bytes);
    elements.add(tensors[i]->elements);
  }
  for (const ModelFile& file : model.checkpoint.files) padding.add(file.padding_bytes);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (sums[i].tensors == 0) continue;
    model.by_dtype.push_back({.dtype = std::string(name(static_cast<Dtype>(i))),
                              .tensors = sums[i].tensors,
                              .elements = sums[i].elements.value,
                              .parameters = sums[i].parameters.value,
                              .bytes = sums[i].bytes.value});
  }
  std::ranges::sort(model.by_dtype, [](const DtypeTotals& a, const DtypeTotals& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.dtype < b.dtype;
  });
  model.total_parameters = parameters.value;
  model.weight_bytes = bytes.value;
  model.padding_bytes = padding.value;
  return !parameters.overflowed && !bytes.overflowed && !elements.overflowed && !padding.overflowed;
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
  Sum sum;
  for (const ModelFile& file : checkpoint.files) sum.add(get(file));
  return sum.value;
}

}  // namespace

std::uint64_t Model::tensor_count() const {
  return sum_over_files(checkpoint, [](const ModelFile& file) { return file.tensors.size(); });
}
std::uint64_t Model::file_bytes() const {
  return sum_over_files(checkpoint, [](const ModelFile& file) { return file.file_bytes; });
}
std::uint64_t Model::header_bytes() const {
  return sum_over_files(checkpoint, [](const ModelFile& file) { return file.header_bytes; });
}

std::optional<double> Model::bits_per_weight() const {
  if (total_parameters == 0) return std::nullopt;
  return 8.0 * static_cast<double>(weight_bytes) / static_cast<double>(total_parameters);
}

Model describe(Checkpoint checkpoint) {
  Model model;
  model.checkpoint = std::move(checkpoint);
  const std::vector<const Tensor*> tensors = all_tensors(model.checkpoint);
  model.tensors.resize(tensors.size());
  std::vector<Finding> findings;
  model.quantization = count_parameters(model.checkpoint, tensors, model.tensors, findings);
  model.experts = find_experts(model.checkpoint, tensors, model.tensors, findings);
  model.architecture = read_architecture(model.checkpoint, tensors, model.tensors);
  if (!add_up(tensors, model)) {
    add_finding(findings, Severity::Error, "sum-overflow",
                "the tensors' sizes add up to more than 64 bits hold; the sums stop at 2^64 - 1");
  } else if (!model.experts) {
    model.active_parameters = model.total_parameters;
  } else if (model.experts->active_parameters) {
    // Parts of a sum that fits, so nothing here can wrap: routed <= total, active <= routed.
    model.active_parameters = model.total_parameters - model.experts->parameters + *model.experts->active_parameters;
  }
  const auto claimed = model.checkpoint.claimed_parameters;
  if (claimed && *claimed != model.total_parameters) {
    add_finding(findings, Severity::Warning, "index-total-parameters",
                fault("total_parameters in the index", std::to_string(*claimed),
                      std::to_string(model.total_parameters) + ", the sum of the tensors"));
  }
  merge_findings(std::move(findings), model);
  return model;
}

Model imagine(std::uint64_t parameters, std::string_view dtype, std::uint64_t bits_per_parameter) {
  // Whole bytes, rounded up; 8 parameters at a time so that the product cannot wrap before it is divided.
  const std::uint64_t whole = times(parameters / 8, bits_per_parameter);
  const std::uint64_t rest = (times(parameters % 8, bits_per_parameter) + 7) / 8;
  Sum bytes{.value = whole};
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

}  // namespace weigh
