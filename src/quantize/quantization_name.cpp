#include "src/quantize/quantization_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace weigh::core {

namespace {

/// How people call a scheme of safetensors.
struct SchemeTitle {
  std::string_view scheme;
  std::string_view title;
  bool bits;  ///< " 4-bit" follows where it is known
};

constexpr auto kSchemeTitles = std::to_array<SchemeTitle>({
    {"gptq", "GPTQ", true},
    {"awq", "AWQ", true},
    {"bnb-nf4", "NF4", false},
    {"bnb-fp4", "FP4 (bitsandbytes)", false},
    {"bnb-int8", "int8 (bitsandbytes)", false},
    {"fp8", "FP8", false},
    {"mxfp8", "MXFP8", false},
    {"mxfp4", "MXFP4", false},
    {"nvfp4", "NVFP4", false},
    {"mlx-affine", "MLX", true},
    {"compressed-tensors", "compressed-tensors", true},
    {"modelopt-int4", "int4 (ModelOpt)", false},
    {"int4", "int4", false},
    {"int8", "int8", false},
    {"eetq", "int8 (EETQ)", false},
    {"torchao", "torchao", true},
    {"quanto", "Quanto", true},
    {"hqq", "HQQ", true},
    {"exl2", "EXL2", true},
    {"exl3", "EXL3", true},
    {"aqlm", "AQLM", true},
    {"quip", "QuIP#", true},
    {"vptq", "VPTQ", true},
    {"svdquant", "SVDQuant", true},
    {"bitnet", "BitNet", false},
});

/// Mixes that vendors make with the quantizer's own options: embeddings and head in Q8_0.
struct LargeEnds {
  Ftype ftype;
  std::string_view title;
};
constexpr auto kLargeEnds = std::to_array<LargeEnds>({
    {Ftype::Q2_K, "Q2_K_L"},
    {Ftype::Q3_K_L, "Q3_K_XL"},
    {Ftype::Q4_K_M, "Q4_K_L"},
    {Ftype::Q5_K_M, "Q5_K_L"},
    {Ftype::Q6_K, "Q6_K_L"},
});

std::string_view type_title(const QuantizerType& type) {
  return type.ftype == Ftype::MXFP4_MOE ? name(type.default_dtype) : type.name;
}

// The digits of a type's name: 4 of "IQ4_XS", 16 of "BF16".
std::optional<std::uint64_t> bits_in(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789";
  std::uint64_t bits = 0;
  for (std::size_t i = std::min(name.find_first_of(kDigits), name.size());
       i < name.size() && kDigits.find(name[i]) != kDigits.npos; ++i) {
    bits = bits * 10 + static_cast<std::uint64_t>(name[i] - '0');
  }
  return bits == 0 ? std::nullopt : std::optional(bits);
}

std::string_view scheme_of(const FollowedPlan& found) {
  if (found.kept) return name(*found.kept);
  if (found.plan == nullptr) return name(found.most);
  return found.pure && found.plan != found.claimed ? name(found.plan->default_dtype) : found.plan->name;
}

NamedQuantization of_gguf(const FollowedPlan& found) {
  NamedQuantization result;
  result.scheme = scheme_of(found);
  result.name = found_title(found);
  if (found.contradicted()) result.name = fmt::format("says {}, is {}", type_title(*found.claimed), result.name);
  result.bits = bits_in(result.scheme);
  return result;
}

}  // namespace

std::string found_title(const FollowedPlan& found) {
  if (found.plan == nullptr) return fmt::format("{}{}", found.of_one_type ? "" : "mostly ", name(found.most));
  const std::string_view title = type_title(*found.plan);
  if (found.kept) return fmt::format("{}, {} otherwise", name(*found.kept), title);
  if (found.pure) return fmt::format("{}, pure", name(found.plan->default_dtype));
  const auto row = std::ranges::find(kLargeEnds, found.plan->ftype, &LargeEnds::ftype);
  if (found.large_ends && row != kLargeEnds.end()) return std::string(row->title);
  if (found.others == 0) return std::string(title);
  return fmt::format("{}, {} tensor{} otherwise", title, found.others, found.others == 1 ? "" : "s");
}

std::string scheme_title(std::string_view scheme, std::optional<std::uint64_t> bits) {
  const auto row = std::ranges::find(kSchemeTitles, scheme, &SchemeTitle::scheme);
  if (row != kSchemeTitles.end()) {
    return row->bits && bits ? fmt::format("{} {}-bit", row->title, *bits) : std::string(row->title);
  }
  const QuantizerType* type = find_quantizer_type(scheme);
  return std::string(type != nullptr ? type_title(*type) : scheme);
}

std::string_view dtype_title(std::string_view dtype) {
  return dtype.starts_with("F8_E4M3") || dtype.starts_with("F8_E5M2") ? "FP8" : dtype;
}

std::optional<NamedQuantization> named_quantization(const Model& model) {
  if (const auto& known = model.quantization) {
    const bool predicted = find_quantizer_type(known->scheme) != nullptr;
    return NamedQuantization{known->scheme, scheme_title(known->scheme, known->bits),
                             predicted ? bits_in(known->scheme) : known->bits, known->group_size};
  }
  const auto found = followed_plan(model);
  return found ? std::optional(of_gguf(*found)) : std::nullopt;
}

std::string quantization_title(const Model& model) { return quantization_title(model, named_quantization(model)); }

std::string quantization_title(const Model& model, const std::optional<NamedQuantization>& named) {
  if (named) return named->name;
  const auto most = std::ranges::max_element(model.by_dtype, {}, &DtypeTotals::bytes);
  return most == model.by_dtype.end() ? std::string() : std::string(dtype_title(most->dtype));
}

}  // namespace weigh::core
