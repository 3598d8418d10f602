// Which type llama.cpp's quantizer gives each tensor (src/llama-quant.cpp of August 2026): first what is quantized at
// all, then rules for the embeddings and the head, then a table by the kind of matrix, then a
// replacement where a row is not a whole number of blocks.

#include "src/quantize/quantize_types.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <numeric>

namespace weigh::core {

namespace {

// ---- Which tensors are quantized ------------------------------------------------------------------------------------

// A name that holds one of these keeps its type.
constexpr auto kKept = std::to_array<std::string_view>({
    "_norm.weight",
    "ffn_gate_inp.weight",
    "ffn_gate_tid2eid.weight",
    "altup",
    "laurel",
    "per_layer_model_proj",
    "ssm_conv1d",
    "shortconv.conv.weight",
    "indexer.k_proj.weight",
    "indexer.q_proj.weight",
    "time_mix_first.weight",
    "time_mix_w0.weight",
    "time_mix_w1.weight",
    "time_mix_w2.weight",
    "time_mix_v0.weight",
    "time_mix_v1.weight",
    "time_mix_v2.weight",
    "time_mix_a0.weight",
    "time_mix_a1.weight",
    "time_mix_a2.weight",
    "time_mix_g1.weight",
    "time_mix_g2.weight",
    "time_mix_decay_w1.weight",
    "time_mix_decay_w2.weight",
    "time_mix_lerp_fused.weight",
    "attn_rel_b.weight",
    ".position_embd",
    "sam.pos_embd",
    "sam.neck.",
    "sam.net_",
    ".rel_pos",
    ".patch_embd",
    ".patch_merger",
    "a.rvq.codebook",
    "mm.a.code_embd",
});

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// ggml's dimension `i`, innermost first; 1 beyond the last.
std::uint64_t dimension(const PlannedTensor& tensor, std::size_t i) {
  return i < tensor.shape.size() ? tensor.shape[tensor.shape.size() - 1 - i] : 1;
}

// More than one dimension without those of 1 at the outside.
bool is_matrix(const PlannedTensor& tensor) {
  for (std::size_t i = 1; i < tensor.shape.size(); ++i) {
    if (dimension(tensor, i) != 1) return true;
  }
  return false;
}

bool is_quantized(const PlannedTensor& tensor) {
  const std::string_view name = tensor.name;
  if (!is_matrix(tensor) || !name.ends_with("weight")) return false;
  if (name == "position_embd.weight" || name == "token_types.weight") return false;
  return std::ranges::none_of(kKept, [&](std::string_view part) { return contains(name, part); });
}

bool is_head(const PlannedTensor& tensor) { return tensor.name == "output.weight"; }
bool is_embedding(const PlannedTensor& tensor) {
  return tensor.name == "token_embd.weight" || tensor.name == "per_layer_token_embd.weight";
}

// ---- What the rules look at -----------------------------------------------------------------------------------------

using Ftypes = std::uint64_t;  // a set of file types, one bit each
constexpr Ftypes of(std::initializer_list<Ftype> list) {
  Ftypes set = 0;
  for (const Ftype ftype : list) set |= Ftypes{1} << static_cast<unsigned>(ftype);
  return set;
}
constexpr bool in(Ftype ftype, Ftypes set) { return (set >> static_cast<unsigned>(ftype) & 1) != 0; }

enum class Matrix : std::uint8_t { Value, Key, Query, Output, Up, Gate, Down, Other };

struct MatrixRow {
  std::string_view fragment;
  Matrix matrix;
};
// The first fragment that stands anywhere in the name.
constexpr auto kMatrices = std::to_array<MatrixRow>({
    {"attn_qkv.weight", Matrix::Value},
    {"attn_kv_b.weight", Matrix::Value},
    {"attn_v.weight", Matrix::Value},
    {"attn_k.weight", Matrix::Key},
    {"attn_q.weight", Matrix::Query},
    {"attn_output.weight", Matrix::Output},
    {"ffn_up", Matrix::Up},
    {"ffn_gate", Matrix::Gate},
    {"ffn_down", Matrix::Down},
});

Matrix matrix_of(std::string_view name) {
  for (const MatrixRow& row : kMatrices) {
    if (contains(name, row.fragment)) return row.matrix;
  }
  return Matrix::Other;
}

// The model as a whole.
struct Traits {
  Ftype target = Ftype::F16;
  Dtype default_dtype = Dtype::F16;
  bool imatrix = false;
  bool falcon = false;
  bool seventy_billion = false;
  std::uint64_t layers = 0;
  std::uint64_t experts = 0;
  std::uint64_t queries_per_kv_head = 0;
  std::uint64_t values = 0;  // tensors that hold values, in the whole file
};

// Where a tensor stands among those of its kind.
struct Place {
  std::uint64_t index = 0;   // the layer of a model with experts, else how many of its kind came before
  std::uint64_t before = 0;  // how many of its kind came before, in any model
};

// The first and the last eighth, and every third between them.
bool more_bits(std::uint64_t i, std::uint64_t n) { return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2; }

bool always(const Traits&, const Place&) { return true; }
bool grouped(const Traits& traits, const Place&) { return traits.queries_per_kv_head >= 4; }
bool grouped_or_experts(const Traits& traits, const Place&) {
  return traits.queries_per_kv_head >= 4 || traits.experts >= 4;
}
bool eight_experts(const Traits& traits, const Place&) { return traits.experts == 8; }
bool without_imatrix(const Traits& traits, const Place&) { return !traits.imatrix; }
bool falcon(const Traits& traits, const Place&) { return traits.falcon; }
bool falcon_more(const Traits& t, const Place& place) { return t.falcon && more_bits(place.index, t.layers); }
bool falcon_first_16th(const Traits& t, const Place& place) { return t.falcon && place.index < t.layers / 16; }
bool plain_more(const Traits& t, const Place& place) { return !t.falcon && more_bits(place.index, t.layers); }
bool plain_first_8th(const Traits& t, const Place& place) { return !t.falcon && place.index < t.layers / 8; }
bool plain_or_more(const Traits& t, const Place& place) { return !t.falcon || more_bits(place.index, t.layers); }
bool plain_eight(const Traits& traits, const Place&) { return !traits.falcon && traits.experts == 8; }
bool plain_not_eight(const Traits& traits, const Place&) { return !traits.falcon && traits.experts != 8; }
bool first_two(const Traits&, const Place& place) { return place.before < 2; }
bool first_four(const Traits&, const Place& place) { return place.before < 4; }
bool more_values(const Traits& traits, const Place& place) { return more_bits(place.before, traits.values); }
bool first_8th(const Traits& traits, const Place& place) { return place.index < traits.layers / 8; }
bool first_16th(const Traits& traits, const Place& place) { return place.index < traits.layers / 16; }
bool counted_first_8th(const Traits& traits, const Place& place) { return place.before < traits.layers / 8; }
bool layers_more(const Traits& traits, const Place& place) { return more_bits(place.index, traits.layers); }
bool middle(const Traits& t, const Place& place) {
  return place.index >= t.layers / 8 && place.index < 7 * t.layers / 8;
}
bool first_8th_or_eight_more(const Traits& traits, const Place& place) {
  return first_8th(traits, place) || (traits.experts == 8 && layers_more(traits, place));
}
bool first_8th_without_imatrix(const Traits& t, const Place& place) { return !t.imatrix && first_8th(t, place); }
bool first_8th_with_imatrix(const Traits& t, const Place& place) { return t.imatrix && first_8th(t, place); }

// ---- The table ------------------------------------------------------------------------------------------------------

constexpr Ftypes kLow = of({Ftype::IQ1_S, Ftype::IQ1_M, Ftype::IQ2_XXS, Ftype::IQ2_XS, Ftype::IQ2_S, Ftype::IQ2_M});
constexpr Ftypes kTwoBit = of({Ftype::IQ2_S, Ftype::IQ2_M});
constexpr Ftypes kNotLow = ~kLow;
constexpr Ftypes kFourBit = of({Ftype::IQ4_NL, Ftype::IQ4_XS});

struct Rule {
  Matrix matrix;
  Ftypes targets;
  bool (*when)(const Traits&, const Place&);
  Dtype dtype;
};
// The first row that fits; none: the file type's default.
constexpr auto kRules = std::to_array<Rule>({
    {Matrix::Value, kLow, grouped_or_experts, Dtype::Q4_K},
    {Matrix::Value, kTwoBit, always, Dtype::IQ3_S},
    {Matrix::Value, kLow, always, Dtype::Q2_K},
    {Matrix::Value, of({Ftype::Q2_K, Ftype::Q2_K_S, Ftype::IQ3_XXS, Ftype::IQ3_XS, Ftype::IQ3_S}), grouped,
     Dtype::Q4_K},
    {Matrix::Value, of({Ftype::Q2_K}), always, Dtype::Q3_K},
    {Matrix::Value, of({Ftype::IQ3_XXS}), without_imatrix, Dtype::IQ3_S},
    {Matrix::Value, of({Ftype::IQ3_M}), always, Dtype::Q4_K},
    {Matrix::Value, of({Ftype::Q3_K_M}), first_two, Dtype::Q5_K},
    {Matrix::Value, of({Ftype::Q3_K_M}), always, Dtype::Q4_K},
    {Matrix::Value, of({Ftype::Q3_K_L}), always, Dtype::Q5_K},
    {Matrix::Value, kFourBit, grouped, Dtype::Q5_K},
    {Matrix::Value, of({Ftype::Q4_K_M, Ftype::Q5_K_M}), more_values, Dtype::Q6_K},
    {Matrix::Value, of({Ftype::Q4_K_S}), first_four, Dtype::Q5_K},

    {Matrix::Key, kLow, eight_experts, Dtype::Q4_K},
    {Matrix::Key, kNotLow, eight_experts, Dtype::Q8_0},
    {Matrix::Key, of({Ftype::IQ3_XS}), always, Dtype::IQ3_XXS},
    {Matrix::Key, of({Ftype::IQ3_XXS}), always, Dtype::IQ2_S},

    {Matrix::Query, of({Ftype::IQ3_XS}), always, Dtype::IQ3_XXS},
    {Matrix::Query, of({Ftype::IQ3_XXS}), always, Dtype::IQ2_S},

    {Matrix::Output, kLow, eight_experts, Dtype::Q5_K},
    {Matrix::Output, of({Ftype::IQ1_S, Ftype::IQ1_M}), always, Dtype::IQ2_XXS},
    {Matrix::Output, kTwoBit, always, Dtype::IQ3_S},
    {Matrix::Output,
     of({Ftype::Q2_K, Ftype::Q3_K_S, Ftype::Q3_K_M, Ftype::Q4_K_S, Ftype::Q4_K_M, Ftype::IQ3_XXS, Ftype::IQ3_XS,
         Ftype::IQ3_S, Ftype::IQ3_M, Ftype::IQ4_NL, Ftype::IQ4_XS}),
     plain_eight, Dtype::Q5_K},
    {Matrix::Output, of({Ftype::Q2_K}), plain_not_eight, Dtype::Q3_K},
    {Matrix::Output, of({Ftype::Q3_K_M, Ftype::IQ3_M}), plain_not_eight, Dtype::Q4_K},
    {Matrix::Output, of({Ftype::Q3_K_L}), plain_not_eight, Dtype::Q5_K},
    {Matrix::Output, of({Ftype::IQ3_XXS}), plain_not_eight, Dtype::IQ3_S},
    {Matrix::Output, of({Ftype::Q3_K_L}), falcon, Dtype::Q4_K},

    {Matrix::Up, of({Ftype::IQ3_XS}), middle, Dtype::IQ3_XXS},
    {Matrix::Gate, of({Ftype::IQ3_XS}), middle, Dtype::IQ3_XXS},

    {Matrix::Down, kTwoBit, counted_first_8th, Dtype::IQ3_S},
    {Matrix::Down, kLow, counted_first_8th, Dtype::Q2_K},
    {Matrix::Down, of({Ftype::Q2_K}), always, Dtype::Q3_K},
    {Matrix::Down, of({Ftype::Q2_K_S}), first_8th, Dtype::Q4_K},
    {Matrix::Down, of({Ftype::IQ3_XXS}), first_8th_without_imatrix, Dtype::Q4_K},
    {Matrix::Down, of({Ftype::IQ3_XXS}), without_imatrix, Dtype::Q3_K},
    {Matrix::Down, of({Ftype::Q3_K_M}), first_16th, Dtype::Q5_K},
    {Matrix::Down, of({Ftype::Q3_K_M}), plain_or_more, Dtype::Q4_K},
    {Matrix::Down, of({Ftype::IQ3_M}), first_8th_or_eight_more, Dtype::Q4_K},
    {Matrix::Down, of({Ftype::Q3_K_L}), falcon, Dtype::Q4_K},
    {Matrix::Down, of({Ftype::Q3_K_L}), always, Dtype::Q5_K},
    {Matrix::Down, of({Ftype::Q4_K_M}), plain_more, Dtype::Q6_K},
    {Matrix::Down, of({Ftype::Q4_K_M}), falcon_first_16th, Dtype::Q6_K},
    {Matrix::Down, of({Ftype::Q4_K_M}), falcon_more, Dtype::Q5_K},
    {Matrix::Down, kFourBit, first_8th_without_imatrix, Dtype::Q5_K},
    {Matrix::Down, of({Ftype::Q5_K_M}), layers_more, Dtype::Q6_K},
    {Matrix::Down, of({Ftype::Q4_K_S}), plain_first_8th, Dtype::Q5_K},
    {Matrix::Down, of({Ftype::Q4_0}), first_8th_with_imatrix, Dtype::Q4_1},
    {Matrix::Down, of({Ftype::Q5_0}), first_8th_with_imatrix, Dtype::Q5_1},
});

Dtype by_matrix(const Traits& traits, Matrix matrix, const Place& place) {
  const auto fits = [&](const Rule& rule) {
    return rule.matrix == matrix && in(traits.target, rule.targets) && rule.when(traits, place);
  };
  const auto rule = std::ranges::find_if(kRules, fits);
  Dtype dtype = rule == kRules.end() ? traits.default_dtype : rule->dtype;
  if (matrix == Matrix::Value && !in(traits.target, kLow)) {
    if (traits.seventy_billion && (dtype == Dtype::Q3_K || dtype == Dtype::Q4_K)) dtype = Dtype::Q5_K;
    if (traits.experts == 8) dtype = Dtype::Q8_0;
  }
  return dtype;
}

// ---- Head, embeddings, MXFP4, replacements --------------------------------------------------------------------------

std::uint64_t block(Dtype dtype) { return std::max<std::uint32_t>(1, info(dtype).block_elements); }

Dtype head_dtype(const Traits& traits, const PlannedTensor& tensor) {
  if (traits.target == Ftype::MXFP4_MOE) return Dtype::Q8_0;
  if (traits.falcon || dimension(tensor, 0) % block(traits.default_dtype) != 0) return Dtype::Q8_0;
  if (in(traits.target, kLow | of({Ftype::IQ3_XXS}))) return Dtype::Q5_K;
  return traits.default_dtype == Dtype::Q8_0 ? Dtype::Q8_0 : Dtype::Q6_K;
}

Dtype embedding_dtype(const Traits& traits) {
  if (traits.target == Ftype::MXFP4_MOE) return Dtype::Q8_0;
  if (in(traits.target, kTwoBit | of({Ftype::IQ3_XXS}))) return Dtype::IQ3_S;
  if (in(traits.target, kLow)) return Dtype::Q2_K;
  if (in(traits.target, of({Ftype::TQ1_0, Ftype::TQ2_0, Ftype::Q2_0}))) return Dtype::Q4_K;
  return traits.default_dtype;
}

// Stacked matrices are the experts; so are, to the quantizer, the three-dimensional parts of latent attention.
Dtype mxfp4_dtype(const GgufPlan& plan, const PlannedTensor& tensor) {
  const Matrix matrix = matrix_of(tensor.name);
  const bool wanted =
      plan.architecture != "bailingmoe3" || matrix == Matrix::Up || matrix == Matrix::Gate || matrix == Matrix::Down;
  return dimension(tensor, 2) > 1 && wanted ? Dtype::MXFP4 : Dtype::Q8_0;
}

struct Replacement {
  Dtype chosen;
  Dtype instead;
};
constexpr auto kReplacements = std::to_array<Replacement>({
    {Dtype::IQ1_S, Dtype::IQ4_NL},
    {Dtype::IQ1_M, Dtype::IQ4_NL},
    {Dtype::IQ2_XXS, Dtype::IQ4_NL},
    {Dtype::IQ2_XS, Dtype::IQ4_NL},
    {Dtype::IQ2_S, Dtype::IQ4_NL},
    {Dtype::IQ3_XXS, Dtype::IQ4_NL},
    {Dtype::IQ3_S, Dtype::IQ4_NL},
    {Dtype::IQ4_XS, Dtype::IQ4_NL},
    {Dtype::Q2_K, Dtype::Q4_0},
    {Dtype::Q3_K, Dtype::Q4_0},
    {Dtype::TQ1_0, Dtype::Q4_0},
    {Dtype::TQ2_0, Dtype::Q4_0},
    {Dtype::Q2_0, Dtype::Q4_0},
    {Dtype::Q4_K, Dtype::Q5_0},
    {Dtype::Q5_K, Dtype::Q5_1},
    {Dtype::Q6_K, Dtype::Q8_0},
});

// Types that no row stands for are left: there the quantizer stops.
Dtype divisible(Dtype chosen, std::uint64_t row_elements) {
  if (row_elements % block(chosen) == 0) return chosen;
  const auto row = std::ranges::find(kReplacements, chosen, &Replacement::chosen);
  if (row == kReplacements.end()) return chosen;
  return row_elements % block(row->instead) == 0 ? row->instead : Dtype::F16;
}

// ---- The walk -------------------------------------------------------------------------------------------------------

// The N of "blk.N.", -1 for every other name.
std::int64_t block_number(std::string_view name) {
  constexpr std::string_view kPrefix = "blk.";
  if (!name.starts_with(kPrefix)) return -1;
  std::int64_t number = -1;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + kPrefix.size(), end, number);
  return error == std::errc{} && stop != end && *stop == '.' ? number : -1;
}

// By block, then by name: the order in which the counters run.
std::vector<std::size_t> visiting_order(const GgufPlan& plan) {
  std::vector<std::int64_t> blocks(plan.tensors.size());
  std::ranges::transform(plan.tensors, blocks.begin(),
                         [](const PlannedTensor& tensor) { return block_number(tensor.name); });
  std::vector<std::size_t> order(plan.tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return blocks[a] != blocks[b] ? blocks[a] < blocks[b] : plan.tensors[a].name < plan.tensors[b].name;
  });
  return order;
}

// The sizes of one architecture whose values get more bits because they are a small part of the whole.
bool is_seventy_billion(const GgufPlan& plan) {
  const std::uint64_t layers = plan.layers - std::min(plan.nextn, plan.layers);
  if (plan.architecture == "llama") return layers == 80 && plan.heads != plan.kv_heads && plan.experts != 8;
  if (plan.architecture == "jais2") return layers == 68;
  return layers == 80 && (plan.architecture == "qwen2" || plan.architecture == "deci" || plan.architecture == "olmo");
}

Traits traits_of(const GgufPlan& plan, Ftype target, bool imatrix) {
  const auto types = quantizer_types();
  const auto values = std::ranges::count_if(
      plan.tensors, [](const PlannedTensor& tensor) { return matrix_of(tensor.name) == Matrix::Value; });
  return {.target = target,
          .default_dtype = std::ranges::find(types, target, &QuantizerType::ftype)->default_dtype,
          .imatrix = imatrix,
          .falcon = plan.architecture == "falcon",
          .seventy_billion = is_seventy_billion(plan),
          .layers = plan.layers,
          .experts = plan.experts,
          .queries_per_kv_head = plan.kv_heads == 0 ? 0 : plan.heads / plan.kv_heads,
          .values = static_cast<std::uint64_t>(values)};
}

}  // namespace

std::vector<Dtype> predict_types(const GgufPlan& plan, Ftype target, bool imatrix) {
  const Traits traits = traits_of(plan, target, imatrix);
  const bool tied = std::ranges::none_of(plan.tensors, is_head);
  std::vector<Dtype> types(plan.tensors.size());
  std::array<std::uint64_t, static_cast<std::size_t>(Matrix::Other) + 1> seen{};
  for (const std::size_t i : visiting_order(plan)) {
    const PlannedTensor& tensor = plan.tensors[i];
    types[i] = tensor.dtype;
    if (!is_quantized(tensor)) continue;
    if (in(target, of({Ftype::F32, Ftype::F16, Ftype::BF16}))) {
      types[i] = traits.default_dtype;
      continue;
    }
    Dtype chosen = traits.default_dtype;
    if (is_head(tensor) || (tied && is_embedding(tensor))) {
      chosen = head_dtype(traits, tensor);
    } else if (is_embedding(tensor)) {
      chosen = embedding_dtype(traits);
    } else if (target == Ftype::MXFP4_MOE) {
      chosen = mxfp4_dtype(plan, tensor);
    } else {
      const Matrix matrix = matrix_of(tensor.name);
      Place place{.index = seen[static_cast<std::size_t>(matrix)]++};
      place.before = place.index;
      const std::int64_t layer = block_number(tensor.name);
      if (traits.experts > 1 && layer >= 0) place.index = static_cast<std::uint64_t>(layer);
      chosen = by_matrix(traits, matrix, place);
    }
    types[i] = divisible(chosen, dimension(tensor, 0));
  }
  return types;
}

const PlannedTensor* needs_imatrix(const GgufPlan& plan, std::span<const Dtype> types, Ftype target) {
  constexpr auto kNeed =
      std::to_array({Dtype::IQ1_S, Dtype::IQ1_M, Dtype::IQ2_XXS, Dtype::IQ2_XS, Dtype::IQ2_S, Dtype::IQ3_XXS});
  for (std::size_t i = 0; i < types.size(); ++i) {
    const PlannedTensor& tensor = plan.tensors[i];
    if (!is_quantized(tensor) || is_head(tensor) || is_embedding(tensor)) continue;
    const bool needs = std::ranges::find(kNeed, types[i]) != kNeed.end();
    if (needs || (types[i] == Dtype::Q2_K && target == Ftype::Q2_K_S)) return &tensor;
  }
  return nullptr;
}

}  // namespace weigh::core
