#include "src/quantize/followed_plan.h"

#include <algorithm>
#include <array>

#include "formats/checked.h"
#include "src/model/hyperparameters.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kGuessed = 1024;  // llama.cpp adds it to a file type that it took from the tensors

bool is_float(Dtype dtype) { return dtype == Dtype::F32 || dtype == Dtype::F16 || dtype == Dtype::BF16; }
bool is_float(const QuantizerType& type) { return is_float(type.default_dtype); }

// A tensor that the quantizer would touch.
struct Compared {
  std::size_t index;  // in the plan
  const TensorFacts* facts;
  Dtype dtype;
  std::uint64_t elements;
};

struct Compare {
  GgufPlan plan;
  QuantizerWalk walk;
  std::vector<Compared> tensors;
  std::uint64_t elements = 0;
  std::array<std::uint64_t, 256> by_dtype{};  // elements
  std::array<std::uint64_t, 256> counts{};    // tensors
  bool broken_rows = false;                   // some row is no multiple of the large blocks
  bool older_rules = false;                   // some tensor had another rule once

  [[nodiscard]] bool has(Dtype dtype) const { return counts[static_cast<std::size_t>(dtype)] != 0; }
  [[nodiscard]] std::uint64_t of(Dtype dtype) const { return by_dtype[static_cast<std::size_t>(dtype)]; }
};

bool had_older_rule(std::string_view name, Matrix matrix) {
  if (matrix != Matrix::Value) return name == "per_layer_token_embd.weight";
  return name.find("attn_qkv") != name.npos || name.find("attn_kv_b") != name.npos;
}

Compare compare(const Model& model) {
  constexpr std::uint64_t kLargeBlock = 256;
  Compare all{.plan = plan_gguf(model), .walk = {}, .tensors = {}};
  all.walk = quantizer_walk(all.plan);
  SaturatingSum sum;
  for (std::size_t i = 0; i < all.plan.tensors.size(); ++i) {
    const PlannedTensor& tensor = all.plan.tensors[i];
    if (!all.walk.quantized[i]) continue;
    const std::uint64_t elements = model.tensors[i].tensor->elements;
    all.tensors.push_back({i, &model.tensors[i], tensor.dtype, elements});
    sum.add(elements);
    auto& of_dtype = all.by_dtype[static_cast<std::size_t>(tensor.dtype)];
    of_dtype = checked_add(of_dtype, elements).value_or(UINT64_MAX);
    ++all.counts[static_cast<std::size_t>(tensor.dtype)];
    all.broken_rows = all.broken_rows || tensor.shape.back() % kLargeBlock != 0;
    all.older_rules = all.older_rules || had_older_rule(tensor.name, all.walk.matrices[i]);
  }
  all.elements = sum.value;
  all.older_rules = all.older_rules || all.broken_rows || all.plan.experts == 8;
  return all;
}

// How far the tensors are from a plan.
struct Distance {
  const QuantizerType* type = nullptr;
  bool pure = false;
  std::uint64_t tensors = 0;
  SaturatingSum elements = {};
  std::uint64_t converted = 0;        // tensors that the converter may have chosen
  std::uint64_t agreeing = 0;         // tensors
  SaturatingSum wanted_default = {};  // elements that the plan gives its default type
  const TensorFacts* first = nullptr;
  std::uint64_t unquantized = 0;
  const TensorFacts* first_unquantized = nullptr;
  bool large_ends = true;
  std::optional<Dtype> kept = {};

  void add(const Compared& one, const PlannedTensor& tensor) {
    if (tensors++ == 0) first = one.facts;
    elements.add(one.elements);
    const bool end = tensor.name == "output.weight" || tensor.name == "token_embd.weight";
    large_ends = large_ends && end && one.dtype == Dtype::Q8_0;
    if (!is_float(one.dtype) || is_float(*type)) return;
    if (unquantized++ == 0) first_unquantized = one.facts;
  }
};

// What the converter writes into a file of a plain type besides it: some matrices stay F32, rows that do not divide and
// the ends of ternary models F16, and experts that come in MXFP4 or NVFP4 stay so.
bool is_converters_choice(const QuantizerType& type, const Compared& one, const PlannedTensor& tensor) {
  const bool ternary = type.ftype == Ftype::TQ1_0 || type.ftype == Ftype::TQ2_0;
  const bool end = tensor.name == "output.weight" || tensor.name == "token_embd.weight";
  if (ternary) return end && one.dtype == Dtype::F16;
  if (!is_float(type) && type.ftype != Ftype::Q8_0) return false;
  if (one.dtype == Dtype::F32 || one.dtype == Dtype::MXFP4 || one.dtype == Dtype::NVFP4) return true;
  const std::uint64_t block = std::max<std::uint32_t>(1, info(type.default_dtype).block_elements);
  return one.dtype == Dtype::F16 && tensor.shape.back() % block != 0;
}

Distance distance(const Compare& all, const QuantizerType& type, std::span<const QuantizerRun> runs) {
  std::vector<std::vector<Dtype>> types;
  for (const QuantizerRun& run : runs) types.push_back(predict_types(all.plan, all.walk, run));
  Distance result{.type = &type};
  SaturatingSum converted;
  const TensorFacts* first_converted = nullptr;
  for (const Compared& one : all.tensors) {
    const PlannedTensor& tensor = all.plan.tensors[one.index];
    if (types.front()[one.index] == type.default_dtype) result.wanted_default.add(one.elements);
    const bool right =
        std::ranges::any_of(types, [&](const std::vector<Dtype>& run) { return run[one.index] == one.dtype; });
    if (right) {
      ++result.agreeing;
    } else if (is_converters_choice(type, one, tensor)) {
      if (one.dtype == Dtype::MXFP4 || one.dtype == Dtype::NVFP4) {
        result.kept = one.dtype;
      } else {
        converted.add(one.elements);
        if (first_converted == nullptr) first_converted = one.facts;
      }
      ++result.converted;
    } else {
      result.add(one, tensor);
    }
  }
  // A file that is F32 for the most part is no F16 file.
  if (converted.value > all.elements / 2) {
    result.elements.add(converted.value);
    result.tensors += result.converted;
    result.large_ends = false;
    if (result.first == nullptr) result.first = first_converted;
  }
  return result;
}

// File types whose rules ask whether there is an importance matrix.
bool asks_for_imatrix(Ftype ftype) {
  return ftype == Ftype::IQ3_XXS || ftype == Ftype::IQ4_NL || ftype == Ftype::IQ4_XS || ftype == Ftype::Q4_0 ||
         ftype == Ftype::Q5_0;
}

// Today's rules first. Older ones, then --pure, only where those do not explain every tensor.
Distance nearest_rules(const Compare& all, const QuantizerType& type, bool claimed) {
  std::vector<QuantizerRun> runs{{.target = type.ftype}};
  if (asks_for_imatrix(type.ftype)) runs.push_back({.target = type.ftype, .imatrix = true});
  Distance best = distance(all, type, runs);
  if (best.tensors == 0 || is_float(type)) return best;
  if (!claimed && best.elements.value > all.elements / 2) return best;
  if (all.older_rules) {
    for (const QuantizerRules rules : {QuantizerRules::Until2026, QuantizerRules::Until2024}) {
      runs.push_back({.target = type.ftype, .rules = rules});
    }
    best = distance(all, type, runs);
    if (best.tensors == 0) return best;
  }
  const auto pure = std::to_array<QuantizerRun>({{.target = type.ftype, .rules = QuantizerRules::Pure}});
  Distance plain = distance(all, type, pure);
  if (plain.tensors != 0) return best;
  plain.pure = true;
  return plain;
}

// What a default type becomes where rows do not divide.
constexpr auto kSmallBlocks = std::to_array({Dtype::IQ4_NL, Dtype::Q4_0, Dtype::Q5_0, Dtype::Q5_1, Dtype::Q8_0});

// A plan whose default type is nowhere in the file may still be the file's where its rows do not divide.
bool may_be_replaced(const Compare& all, const QuantizerType& type) {
  const bool ternary = type.ftype == Ftype::TQ1_0 || type.ftype == Ftype::TQ2_0;
  return all.broken_rows && !ternary && !all.has(type.default_dtype) && !is_float(type) &&
         info(type.default_dtype).block_elements > 32 &&
         std::ranges::any_of(kSmallBlocks, [&](Dtype dtype) { return all.has(dtype); });
}

bool is_nearer(const Distance& a, const Distance& b) {
  if (a.pure != b.pure && a.tensors == b.tensors) return b.pure;
  if (a.elements.value != b.elements.value) return a.elements.value < b.elements.value;
  return a.tensors != b.tensors ? a.tensors < b.tensors : a.converted < b.converted;
}

// The plan that fits best of those that the types in the file make possible, without one; a null type for none.
Distance nearest_plan(const Compare& all, const QuantizerType* without) {
  Distance best;
  const auto try_plans = [&](auto is_possible) {
    for (const QuantizerType& type : quantizer_types()) {
      if (&type == without || !is_possible(type)) continue;
      const Distance found = nearest_rules(all, type, false);
      if (best.type == nullptr || is_nearer(found, best)) best = found;
    }
  };
  try_plans([&](const QuantizerType& type) { return all.has(type.default_dtype); });
  if (best.type == nullptr || best.tensors != 0) {
    try_plans([&](const QuantizerType& type) { return may_be_replaced(all, type); });
  }
  return best;
}

void take(const Distance& distance, FollowedPlan& result) {
  result.plan = distance.type;
  result.pure = distance.pure;
  result.others = distance.tensors;
  result.first_other = distance.first;
  result.unquantized = distance.unquantized;
  result.first_unquantized = distance.first_unquantized;
  result.large_ends = distance.tensors != 0 && distance.large_ends;
  result.kept = distance.kept;
}

const QuantizerType* claimed_type(const Model& model) {
  const Metadata* metadata = ArchitectureKeys(model.checkpoint).metadata();
  const auto stated = metadata == nullptr ? std::nullopt : metadata->unsigned_integer("general.file_type");
  if (!stated) return nullptr;
  const auto types = quantizer_types();
  const auto row = std::ranges::find_if(
      types, [&](const QuantizerType& type) { return static_cast<std::uint64_t>(type.ftype) == *stated % kGuessed; });
  return row == types.end() ? nullptr : &*row;
}

// Whether the claim is wrong beyond some tensors of other types. Vendors' mixes (UD-Q2_K_XL) claim the type that they
// are named after, and change most tensors.
bool is_refuted(const Compare& all, const Distance& claim, Dtype most) {
  const QuantizerType& type = *claim.type;
  if (claim.agreeing == 0) return true;
  if (claim.elements.value <= all.elements / 2) return false;
  if (is_float(type) != is_float(most)) return true;
  return !all.has(type.default_dtype) && claim.wanted_default.value >= all.elements / 2;
}

// A plan that all but a few weights follow explains a file better than a claim that most contradict.
bool explains(const Compare& all, const Distance& plan) {
  constexpr std::uint64_t kFew = 8;
  return plan.type != nullptr && plan.elements.value <= all.elements / kFew;
}

}  // namespace

std::optional<FollowedPlan> followed_plan(const Model& model) {
  const auto& files = model.checkpoint.files;
  if (files.empty() || files.front().format != Format::Gguf) return std::nullopt;
  const Compare all = compare(model);
  if (all.tensors.empty()) return std::nullopt;
  FollowedPlan result{.claimed = claimed_type(model), .tensors = all.tensors.size()};
  const auto most = std::ranges::max_element(all.by_dtype);
  result.most = static_cast<Dtype>(most - all.by_dtype.begin());
  result.of_one_type = *most >= all.elements / 2;
  for (const Compared& one : all.tensors) {
    result.of_one_type = result.of_one_type && (one.dtype == result.most || is_float(one.dtype));
  }
  if (parts_missing(model.checkpoint)) {
    result.plan = result.claimed;
    return result;
  }
  if (result.claimed == nullptr) {
    const Distance best = nearest_plan(all, nullptr);
    if (best.type != nullptr && best.tensors == 0) take(best, result);
    return result;
  }
  const Distance claim = nearest_rules(all, *result.claimed, true);
  if (claim.tensors == 0 || claim.large_ends) {
    take(claim, result);
    return result;
  }
  const Distance best = nearest_plan(all, result.claimed);
  const bool exact = best.type != nullptr && best.tensors == 0 && !best.pure;
  const bool refuted = is_refuted(all, claim, result.most);
  if (exact || ((refuted || claim.elements.value > all.elements / 2) && explains(all, best))) {
    take(best, result);
  } else if (!refuted) {
    take(claim, result);
  } else {
    result.unquantized = claim.unquantized;
    result.first_unquantized = claim.first_unquantized;
  }
  return result;
}

}  // namespace weigh::core
