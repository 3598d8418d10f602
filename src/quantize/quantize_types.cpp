// Which type llama.cpp's quantizer gives each tensor (src/llama-quant.cpp of August 2026): first what is quantized at
// all, then rules for the embeddings and the head, then a table by the kind of matrix, then a
// replacement where a row is not a whole number of blocks.

#include "src/quantize/quantize_types.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <numeric>
#include <unordered_map>

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

bool keeps_type(std::string_view name) {
  if (!name.ends_with("weight") || name == "position_embd.weight" || name == "token_types.weight") return true;
  return std::ranges::any_of(kKept, [&](std::string_view part) { return contains(name, part); });
}

bool is_quantized(const PlannedTensor& tensor) { return is_matrix(tensor) && !keeps_type(tensor.name); }

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

// Older quantizers knew other fragments.
Matrix matrix_under(QuantizerRules rules, Matrix matrix, std::string_view name) {
  if (rules == QuantizerRules::Today) return matrix;
  if (matrix == Matrix::Value && contains(name, "attn_qkv.weight")) return Matrix::Fused;
  if (matrix == Matrix::Value && contains(name, "attn_kv_b.weight")) return Matrix::Other;
  const bool single_expert = matrix == Matrix::Down && !contains(name, "ffn_down.weight");
  return single_expert && rules == QuantizerRules::Until2024 ? Matrix::Other : matrix;
}

// The model as a whole.
struct Traits {
  Ftype target = Ftype::F16;
  QuantizerRules rules = QuantizerRules::Today;
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

// The first layers, which get more bits: a part of all of them, in 2023 a fixed number.
std::uint64_t eighth(const Traits& t) { return t.rules == QuantizerRules::Until2024 ? 4 : t.layers / 8; }
std::uint64_t sixteenth(const Traits& t) { return t.rules == QuantizerRules::Until2024 ? 2 : t.layers / 16; }

bool always(const Traits&, const Place&) { return true; }
bool until_2024(const Traits& traits, const Place&) { return traits.rules == QuantizerRules::Until2024; }
bool grouped(const Traits& traits, const Place&) {
  return traits.queries_per_kv_head >= 4 && traits.rules != QuantizerRules::Until2024;
}
bool grouped_or_experts(const Traits& traits, const Place&) {
  return traits.queries_per_kv_head >= 4 || traits.experts >= 4;
}
bool eight_experts(const Traits& traits, const Place&) { return traits.experts == 8; }
bool without_imatrix(const Traits& traits, const Place&) { return !traits.imatrix; }
bool falcon(const Traits& traits, const Place&) { return traits.falcon; }
bool falcon_more(const Traits& t, const Place& place) { return t.falcon && more_bits(place.index, t.layers); }
bool falcon_first_16th(const Traits& t, const Place& place) { return t.falcon && place.index < sixteenth(t); }
bool plain_more(const Traits& t, const Place& place) { return !t.falcon && more_bits(place.index, t.layers); }
bool plain_first_8th(const Traits& t, const Place& place) { return !t.falcon && place.index < eighth(t); }
bool plain_or_more(const Traits& t, const Place& place) { return !t.falcon || more_bits(place.index, t.layers); }
bool plain_eight(const Traits& traits, const Place& place) {
  return !traits.falcon && traits.experts == 8 && !until_2024(traits, place);
}
bool plain_not_eight(const Traits& traits, const Place& place) {
  return !traits.falcon && (traits.experts != 8 || until_2024(traits, place));
}
bool first_two(const Traits&, const Place& place) { return place.before < 2; }
bool first_four(const Traits&, const Place& place) { return place.before < 4; }
bool more_values(const Traits& traits, const Place& place) { return more_bits(place.before, traits.values); }
bool first_8th(const Traits& traits, const Place& place) { return place.index < traits.layers / 8; }
bool first_16th(const Traits& traits, const Place& place) { return place.index < sixteenth(traits); }
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

    {Matrix::Fused, of({Ftype::Q3_K_M, Ftype::Q3_K_L, Ftype::IQ3_M}), always, Dtype::Q4_K},
    {Matrix::Fused, of({Ftype::Q4_K_M}), always, Dtype::Q5_K},
    {Matrix::Fused, of({Ftype::Q5_K_M}), always, Dtype::Q6_K},

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
    {Matrix::Up, of({Ftype::Q2_K}), until_2024, Dtype::Q3_K},
    {Matrix::Gate, of({Ftype::Q2_K}), until_2024, Dtype::Q3_K},

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

// What a row of the head is divided by: before 2025 the large blocks, whatever the type.
std::uint64_t head_block(const Traits& traits) {
  constexpr std::uint64_t kLargeBlock = 256;
  return traits.rules == QuantizerRules::Until2024 ? kLargeBlock : block(traits.default_dtype);
}

Dtype head_dtype(const Traits& traits, const PlannedTensor& tensor) {
  if (traits.target == Ftype::MXFP4_MOE) return Dtype::Q8_0;
  if (traits.falcon || dimension(tensor, 0) % head_block(traits) != 0) return Dtype::Q8_0;
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
Dtype mxfp4_dtype(const GgufPlan& plan, const PlannedTensor& tensor, Matrix matrix) {
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
Dtype divisible(Dtype chosen, std::uint64_t row_elements, QuantizerRules rules) {
  if (row_elements % block(chosen) == 0) return chosen;
  const bool small = chosen == Dtype::Q2_K || chosen == Dtype::Q3_K;
  if (small && rules == QuantizerRules::Until2026 && row_elements % block(Dtype::IQ4_NL) == 0) return Dtype::IQ4_NL;
  const auto row = std::ranges::find(kReplacements, chosen, &Replacement::chosen);
  if (row == kReplacements.end()) return chosen;
  return row_elements % block(row->instead) == 0 ? row->instead : Dtype::F16;
}

// ---- The walk -------------------------------------------------------------------------------------------------------

constexpr std::string_view kBlockPrefix = "blk.";

// The N of "blk.N.", -1 for every other name.
std::int64_t block_number(std::string_view name) {
  if (!name.starts_with(kBlockPrefix)) return -1;
  std::int64_t number = -1;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + kBlockPrefix.size(), end, number);
  return error == std::errc{} && stop != end && *stop == '.' ? number : -1;
}

// The sizes of one architecture whose values get more bits because they are a small part of the whole.
bool is_seventy_billion(const GgufPlan& plan) {
  const std::uint64_t layers = plan.layers - std::min(plan.nextn, plan.layers);
  if (plan.architecture == "llama") return layers == 80 && plan.heads != plan.kv_heads && plan.experts != 8;
  if (plan.architecture == "jais2") return layers == 68;
  return layers == 80 && (plan.architecture == "qwen2" || plan.architecture == "deci" || plan.architecture == "olmo");
}

Traits traits_of(const GgufPlan& plan, const QuantizerWalk& walk, const QuantizerRun& run) {
  const auto types = quantizer_types();
  return {.target = run.target,
          .rules = run.rules,
          .default_dtype = std::ranges::find(types, run.target, &QuantizerType::ftype)->default_dtype,
          .imatrix = run.imatrix,
          .falcon = plan.architecture == "falcon",
          .seventy_billion = is_seventy_billion(plan),
          .layers = plan.layers,
          .experts = plan.experts,
          .queries_per_kv_head = plan.kv_heads == 0 ? 0 : plan.heads / plan.kv_heads,
          .values = walk.values};
}

// Whether a tensor is what the logits come from.
bool gives_logits(const PlannedTensor& tensor, const QuantizerWalk& walk, QuantizerRules rules) {
  if (is_head(tensor)) return true;
  const bool counts = rules == QuantizerRules::Today || tensor.name == "token_embd.weight";
  return walk.tied && counts && is_embedding(tensor);
}

}  // namespace

QuantizerWalk quantizer_walk(const GgufPlan& plan) {
  struct Kind {
    bool kept = false;
    Matrix matrix = Matrix::Other;
  };
  // Layers repeat their names: what is behind "blk.N" is looked up, not searched again.
  std::unordered_map<std::string_view, Kind> kinds;

  QuantizerWalk walk;
  const std::size_t count = plan.tensors.size();
  walk.order.resize(count);
  walk.blocks.resize(count);
  walk.quantized.resize(count);
  walk.matrices.resize(count, Matrix::Other);
  for (std::size_t i = 0; i < count; ++i) {
    const PlannedTensor& tensor = plan.tensors[i];
    walk.blocks[i] = block_number(tensor.name);
    std::string_view tail = tensor.name;
    if (walk.blocks[i] >= 0) tail.remove_prefix(tail.find('.', kBlockPrefix.size()));
    const auto [kind, is_new] = kinds.try_emplace(tail);
    if (is_new) kind->second = {.kept = keeps_type(tensor.name), .matrix = matrix_of(tensor.name)};
    walk.quantized[i] = !kind->second.kept && is_matrix(tensor);
    walk.matrices[i] = kind->second.matrix;
    walk.values += walk.matrices[i] == Matrix::Value ? 1 : 0;
    walk.tied = walk.tied && !is_head(tensor);
  }
  std::iota(walk.order.begin(), walk.order.end(), std::size_t{0});
  std::ranges::sort(walk.order, [&](std::size_t a, std::size_t b) {
    return walk.blocks[a] != walk.blocks[b] ? walk.blocks[a] < walk.blocks[b]
                                            : plan.tensors[a].name < plan.tensors[b].name;
  });
  return walk;
}

std::vector<Dtype> predict_types(const GgufPlan& plan, const QuantizerWalk& walk, const QuantizerRun& run) {
  const Traits traits = traits_of(plan, walk, run);
  std::vector<Dtype> types(plan.tensors.size());
  std::array<std::uint64_t, static_cast<std::size_t>(Matrix::Other) + 1> seen{};
  for (const std::size_t i : walk.order) {
    const PlannedTensor& tensor = plan.tensors[i];
    types[i] = tensor.dtype;
    if (!walk.quantized[i]) continue;
    if (in(run.target, of({Ftype::F32, Ftype::F16, Ftype::BF16}))) {
      types[i] = traits.default_dtype;
      continue;
    }
    Dtype chosen = traits.default_dtype;
    if (run.rules == QuantizerRules::Pure) {
      // no further rule
    } else if (gives_logits(tensor, walk, run.rules)) {
      chosen = head_dtype(traits, tensor);
    } else if (is_embedding(tensor)) {
      chosen = embedding_dtype(traits);
    } else if (run.target == Ftype::MXFP4_MOE) {
      chosen = mxfp4_dtype(plan, tensor, walk.matrices[i]);
    } else {
      const Matrix matrix = matrix_under(run.rules, walk.matrices[i], tensor.name);
      Place place{.index = seen[static_cast<std::size_t>(matrix)]++};
      place.before = place.index;
      if (traits.experts > 1 && walk.blocks[i] >= 0) place.index = static_cast<std::uint64_t>(walk.blocks[i]);
      chosen = by_matrix(traits, matrix, place);
    }
    types[i] = divisible(chosen, dimension(tensor, 0), run.rules);
  }
  return types;
}

std::vector<Dtype> predict_types(const GgufPlan& plan, Ftype target, bool imatrix) {
  return predict_types(plan, quantizer_walk(plan), {.target = target, .imatrix = imatrix});
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
