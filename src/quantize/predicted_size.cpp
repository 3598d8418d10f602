#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/text.h"
#include "src/quantize/quantize_types.h"

namespace weigh::core {

namespace {

constexpr auto kTypes = std::to_array<QuantizerType>({
    {Ftype::F32, "F32", "", Dtype::F32},
    {Ftype::F16, "F16", "", Dtype::F16},
    {Ftype::BF16, "BF16", "", Dtype::BF16},
    {Ftype::Q8_0, "Q8_0", "", Dtype::Q8_0},
    {Ftype::Q6_K, "Q6_K", "", Dtype::Q6_K},
    {Ftype::Q5_1, "Q5_1", "", Dtype::Q5_1},
    {Ftype::Q5_K_M, "Q5_K_M", "Q5_K", Dtype::Q5_K},
    {Ftype::Q5_K_S, "Q5_K_S", "", Dtype::Q5_K},
    {Ftype::Q5_0, "Q5_0", "", Dtype::Q5_0},
    {Ftype::Q4_1, "Q4_1", "", Dtype::Q4_1},
    {Ftype::Q4_K_M, "Q4_K_M", "Q4_K", Dtype::Q4_K},
    {Ftype::Q4_K_S, "Q4_K_S", "", Dtype::Q4_K},
    {Ftype::Q4_0, "Q4_0", "", Dtype::Q4_0},
    {Ftype::IQ4_NL, "IQ4_NL", "", Dtype::IQ4_NL},
    {Ftype::IQ4_XS, "IQ4_XS", "", Dtype::IQ4_XS},
    {Ftype::MXFP4_MOE, "MXFP4_MOE", "", Dtype::MXFP4},
    {Ftype::Q3_K_L, "Q3_K_L", "", Dtype::Q3_K},
    {Ftype::Q3_K_M, "Q3_K_M", "Q3_K", Dtype::Q3_K},
    {Ftype::IQ3_M, "IQ3_M", "", Dtype::IQ3_S},
    {Ftype::IQ3_S, "IQ3_S", "", Dtype::IQ3_S},
    {Ftype::Q3_K_S, "Q3_K_S", "", Dtype::Q3_K},
    {Ftype::IQ3_XS, "IQ3_XS", "", Dtype::IQ3_S},
    {Ftype::IQ3_XXS, "IQ3_XXS", "", Dtype::IQ3_XXS},
    {Ftype::Q2_K, "Q2_K", "", Dtype::Q2_K},
    {Ftype::Q2_K_S, "Q2_K_S", "", Dtype::Q2_K},
    {Ftype::IQ2_M, "IQ2_M", "", Dtype::IQ2_S},
    {Ftype::IQ2_S, "IQ2_S", "", Dtype::IQ2_XS},
    {Ftype::IQ2_XS, "IQ2_XS", "", Dtype::IQ2_XS},
    {Ftype::Q2_0, "Q2_0", "", Dtype::Q2_0},
    {Ftype::IQ2_XXS, "IQ2_XXS", "", Dtype::IQ2_XXS},
    {Ftype::TQ2_0, "TQ2_0", "", Dtype::TQ2_0},
    {Ftype::IQ1_M, "IQ1_M", "", Dtype::IQ1_M},
    {Ftype::TQ1_0, "TQ1_0", "", Dtype::TQ1_0},
    {Ftype::IQ1_S, "IQ1_S", "", Dtype::IQ1_S},
    {Ftype::Q1_0, "Q1_0", "", Dtype::Q1_0},
});

// llama-quantize writes a GGUF of its own: alignment 32 whatever its input had.
constexpr std::uint64_t kAlignment = 32;

// ggml counts neither outer dimensions of 1 nor none at all.
std::uint64_t written_dimensions(const PlannedTensor& tensor) {
  const auto first = std::ranges::find_if(tensor.shape, [](std::uint64_t size) { return size != 1; });
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(tensor.shape.end() - first));
}

// Magic, version, two counts; the keys; of each tensor its name, dimensions, type and offset (GGUF v3).
std::uint64_t header_bytes(const GgufPlan& plan) {
  SaturatingSum sum{.value = 24};
  sum.add(plan.key_bytes);
  for (const PlannedTensor& tensor : plan.tensors) {
    sum.add(8 + tensor.name.size() + 4 + 8 * written_dimensions(tensor) + 4 + 8);
  }
  return checked_round_up(sum.value, kAlignment).value_or(sum.value);
}

// The tensors of one element type, summed.
struct Row {
  std::uint64_t tensors = 0;
  SaturatingSum elements, bytes;
};

std::optional<std::uint64_t> bytes_of(const PlannedTensor& tensor, Dtype dtype) {
  return tensor_bytes(dtype, tensor.shape);
}

void add_up(const GgufPlan& plan, std::span<const Dtype> types, QuantizedSize& prediction) {
  std::array<Row, 256> rows{};  // by Dtype, which is one byte
  SaturatingSum bytes, padding;
  std::uint64_t unknown = 0;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const PlannedTensor& tensor = plan.tensors[i];
    Dtype dtype = types[i];
    auto size = bytes_of(tensor, dtype);
    if (const std::uint64_t elements = info(dtype).block_elements; !size && elements > 1) {
      if (!prediction.refusal) {
        prediction.refusal = fmt::format(
            "the quantiser stops at {}: its rows are no multiple of the {} weights in a block of {}; such tensors are "
            "counted as F16",
            quote(tensor.name), elements, name(dtype));
      }
      dtype = Dtype::F16;
      size = bytes_of(tensor, dtype);
    }
    if (!size) ++unknown;
    Row& row = rows[static_cast<std::size_t>(dtype)];
    ++row.tensors;
    row.elements.add(element_count(tensor.shape).value_or(0));
    row.bytes.add(size.value_or(0));
    bytes.add(size.value_or(0));
    padding.add((kAlignment - size.value_or(0) % kAlignment) % kAlignment);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].tensors == 0) continue;
    prediction.by_dtype.push_back({.dtype = std::string(name(static_cast<Dtype>(i))),
                                   .tensors = rows[i].tensors,
                                   .elements = rows[i].elements.value,
                                   .parameters = rows[i].elements.value,
                                   .bytes = rows[i].bytes.value});
  }
  std::ranges::sort(prediction.by_dtype, [](const DtypeTotals& a, const DtypeTotals& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.dtype < b.dtype;
  });
  prediction.tensor_bytes = bytes.value;
  prediction.padding_bytes = padding.value;
  SaturatingSum file = bytes;
  file.add(padding.value);
  file.add(header_bytes(plan));
  prediction.file_bytes = file.value;
  if (unknown != 0) prediction.remarks.push_back(fmt::format("the size of {} tensors is not known", unknown));
}

ImatrixSize imatrix_size(const GgufPlan& plan, std::span<const Dtype> types) {
  QuantizedSize size;
  add_up(plan, types, size);
  return {size.tensor_bytes, size.file_bytes};
}

// The first tensor that is quantized already and would become another type.
const PlannedTensor* requantized(const GgufPlan& plan, std::span<const Dtype> types) {
  for (std::size_t i = 0; i < types.size(); ++i) {
    const PlannedTensor& tensor = plan.tensors[i];
    if (types[i] != tensor.dtype && info(tensor.dtype).block_elements > 1) return &tensor;
  }
  return nullptr;
}

}  // namespace

std::span<const QuantizerType> quantizer_types() { return kTypes; }

std::span<const std::string_view> published_types() {
  static constexpr std::array<std::string_view, 10> kNames{"F16",    "Q8_0",   "Q6_K",  "Q5_K_M",  "Q4_K_M",
                                                           "IQ4_XS", "Q3_K_M", "IQ3_M", "IQ3_XXS", "Q2_K"};
  return kNames;
}

const QuantizerType* find_quantizer_type(std::string_view name) {
  const auto row = std::ranges::find_if(kTypes, [&](const QuantizerType& type) {
    return same_letters(type.name, name) || (!type.alias.empty() && same_letters(type.alias, name));
  });
  return row == kTypes.end() ? nullptr : &*row;
}

QuantizedSize predict(const GgufPlan& plan, const QuantizerType& type) {
  QuantizedSize prediction{.type = std::string(type.name), .by_dtype = {}, .refusal = {}, .remarks = plan.remarks};
  const QuantizerWalk walk = quantizer_walk(plan);
  std::vector<Dtype> types = predict_types(plan, walk, {.target = type.ftype});
  const std::vector<Dtype> with_matrix = predict_types(plan, walk, {.target = type.ftype, .imatrix = true});
  if (plan.tensors.empty()) {
    prediction.refusal = "there are no tensors to quantise";
  } else if (const PlannedTensor* tensor = needs_imatrix(plan, types, type.ftype)) {
    prediction.refusal =
        fmt::format("the quantiser makes {} only with an importance matrix (--imatrix), which {} needs", type.name,
                    quote(tensor->name));
    types = with_matrix;
  } else if (types != with_matrix) {
    prediction.with_imatrix = imatrix_size(plan, with_matrix);
  }
  if (const PlannedTensor* tensor = requantized(plan, types)) {
    prediction.remarks.push_back(
        fmt::format("{} is {} already: the quantiser wants --allow-requantize, and quality "
                    "is lost twice",
                    quote(tensor->name), name(tensor->dtype)));
  }
  add_up(plan, types, prediction);
  if (prediction.with_imatrix) {
    prediction.remarks.push_back(fmt::format("with an importance matrix the tensors take {} bytes instead of {}",
                                             prediction.with_imatrix->tensor_bytes, prediction.tensor_bytes));
  }
  return prediction;
}

QuantizedSize predict(const Model& model, std::string_view type) {
  const QuantizerType* row = find_quantizer_type(type);
  if (row == nullptr) {
    std::string names;
    for (const QuantizerType& known : kTypes) names += fmt::format("{}{}", names.empty() ? "" : ", ", known.name);
    throw UsageError(fmt::format("no such type: {}; known are {}", quote(type), names));
  }
  return predict(plan_gguf(model), *row);
}

}  // namespace weigh::core
