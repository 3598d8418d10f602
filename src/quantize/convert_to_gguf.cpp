#include "src/quantize/convert_to_gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "formats/checked.h"
#include "formats/error.h"
#include "src/model/config.h"
#include "src/model/naming/recent_names.h"
#include "src/model/packing/schemes.h"

namespace weigh::core {

namespace {

using Shape = std::vector<std::uint64_t>;
using std::string_view_literals::operator""sv;

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::ranges::find(words, word) != words.end();
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

bool drop_end(std::string_view& text, std::string_view end) {
  if (!text.ends_with(end)) return false;
  text.remove_suffix(end.size());
  return true;
}

// ---- What the converter leaves out ----------------------------------------------------------------------------------

// Buffers: computed again by whoever loads the model.
constexpr auto kBuffers = std::to_array<std::string_view>({
    "rotary_emb.inv_freq",
    "rotary_pos_emb.inv_freq",
    "rope.freqs",
    "attention.bias",
    "attention.masked_bias",
    "attn.bias",
    "attn.masked_bias",
    "position_ids",
    "num_batches_tracked",
});

// Parts of a path that lead to a tower or its projector: these go to a file of their own (mmproj).
constexpr auto kTowers = std::to_array<std::string_view>({
    "vision_tower",  "vision_model",
    "visual",        "vision_encoder",
    "image_encoder", "multi_modal_projector",
    "mm_projector",  "vision_language_adapter",
    "patch_merger",  "embed_vision",
    "embed_audio",   "audio_tower",
    "audio_encoder", "connector",
    "image_newline", "vpm",
    "apm",           "resampler",
    "code2wav",      "talker",
});

// Whose converter omits a stored head that is the embedding once more (Gemma's always is).
constexpr auto kHeadOmitted =
    std::to_array<std::string_view>({"gemma", "gemma2", "gemma3", "gemma3n", "gemma4", "command-r", "cohere2",
                                     "deepseek2", "deepseek32", "hunyuan-moe", "hunyuan-dense", "mamba", "mamba2"});
constexpr auto kAlwaysTied =
    std::to_array<std::string_view>({"gemma", "gemma2", "gemma3", "gemma3n", "gemma4", "command-r", "cohere2"});

// Whose converter keeps the blocks that predict further tokens, and counts them as blocks.
constexpr auto kPredictionKept = std::to_array<std::string_view>(
    {"qwen3next", "qwen35", "qwen35moe", "glm4moe", "glm-dsa", "deepseek32", "exaone4", "exaone-moe", "bailingmoe2",
     "bailingmoe3", "mimo2", "step35", "cohere2moe", "hy_v3", "nemotron_h"});

bool is_buffer(std::string_view name) {
  return std::ranges::any_of(kBuffers, [&](std::string_view end) {
    return name.ends_with(end) && (name.size() == end.size() || name[name.size() - end.size() - 1] == '.');
  });
}

bool in_tower(std::string_view name, Stack stack) {
  constexpr auto kLanguage =
      std::to_array({Stack::None, Stack::Main, Stack::Encoder, Stack::Decoder, Stack::Prediction});
  if (std::ranges::find(kLanguage, stack) == kLanguage.end()) return true;
  while (!name.empty()) {
    const std::size_t dot = name.find('.');
    if (is_one_of(name.substr(0, dot), kTowers)) return true;
    name = dot == name.npos ? std::string_view() : name.substr(dot + 1);
  }
  return false;
}

// ---- Names ----------------------------------------------------------------------------------------------------------

// Whose second norm of a block is after the attention, not before the feed-forward part.
constexpr auto kPostAttentionNorm =
    std::to_array<std::string_view>({"gemma2", "gemma3", "gemma3n", "gemma4", "olmo2", "exaone4", "gpt-oss",
                                     "qwen3next", "qwen35", "qwen35moe", "glm4moe", "seed_oss"});

// Mamba's constants have no ".weight" in GGUF either.
constexpr auto kBare = std::to_array<std::string_view>({"ssm_a", "ssm_d"});

// Before the names of a language model inside of a bigger one.
constexpr auto kWrappers = std::to_array<std::string_view>({
    "model.language_model.model.",
    "model.language_model.",
    "language_model.model.",
    "language_model.",
    "model.text_model.",
    "thinker.model.",
    "thinker.",
    "llm.",
});

// Outside of blocks, the block that predicts further tokens.
constexpr auto kPredictionNames = std::to_array<NameRow>({
    {"mtp.fc", "nextn.eh_proj"},
    {"mtp.pre_fc_norm_embedding", "nextn.enorm"},
    {"mtp.pre_fc_norm_hidden", "nextn.hnorm"},
    {"mtp.norm", "nextn.shared_head_norm"},
});

using NameMap = std::unordered_map<std::string_view, const NameRow*>;
NameMap by_name(std::span<const NameRow> rows) {
  NameMap map;
  for (const NameRow& row : rows) map.emplace(row.from, &row);
  return map;
}

const NameRow* find_row(const NameMap& map, std::string_view module) {
  const auto row = map.find(module);
  return row == map.end() ? nullptr : row->second;
}

// The number of an expert, or of anything else there are many of, becomes "#": "experts.7.w1", "experts.expert_7.w1".
std::string without_number(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t dot = path.find('.');
    std::string_view part = path.substr(0, dot);
    std::string_view digits = part;
    if (digits.starts_with("expert_")) digits.remove_prefix(7);
    const bool number = !digits.empty() && std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
    out += number ? "#"sv : part;
    if (dot == path.npos) break;
    out += '.';
    path.remove_prefix(dot + 1);
  }
  return out;
}

// Where a tensor goes.
struct Target {
  NameRow row;
  std::string_view end;  // ".weight", ".bias" or nothing
};

const NameRow* find_module(const NameMap& map, std::string_view module) {
  if (const NameRow* row = find_row(map, module)) return row;
  const bool numbered = std::ranges::any_of(module, [](char c) { return c >= '0' && c <= '9'; });
  return numbered ? find_row(map, without_number(module)) : nullptr;
}

// `path` is inside of a block, or has no wrapper before it. The whole path is a module's name where nothing stands
// behind it ("A_log"); else its end says which of the module's tensors it is.
std::optional<Target> find_target(const NameMap& map, std::string_view path) {
  std::string_view module = path;
  std::string_view end = ".weight";
  if (drop_end(module, ".bias")) {
    end = ".bias";
  } else {
    drop_end(module, ".weight");
  }
  const NameRow* row = find_module(map, module);
  if (row == nullptr && drop_end(module, "_bias")) {  // of stacked experts
    end = ".bias";
    row = find_module(map, module);
  }
  if (row == nullptr) row = find_module(map, split_name(path).module);  // packed weights
  if (row == nullptr) return std::nullopt;
  const bool whole = row->to.ends_with(".weight") || row->to.ends_with(".bias") || row->to.ends_with(".scale");
  return Target{*row, whole || is_one_of(row->to, kBare) ? std::string_view() : end};
}

// Where the first tensor of a stack of experts went, and that tensor.
struct StackOfExperts {
  const TensorFacts* first = nullptr;
  std::size_t entry = 0;  // in the plan
};

// ---- Conversion -----------------------------------------------------------------------------------------------------

struct Converter {
  const Model& model;
  ConfigReader config;
  GgufPlan plan;
  NameMap blocks = by_name(block_names());
  NameMap outer = by_name(outer_names());
  NameMap prediction = by_name(kPredictionNames);
  std::unordered_map<std::string_view, const Tensor*> scales;  // of packed modules, by their name
  std::unordered_map<std::string, std::size_t> stacked;        // tensors made of many, by their name in the plan
  RecentNames<StackOfExperts> stacks;
  std::uint64_t own_layers = 0;  // without those for further tokens
  Dtype outtype = Dtype::F16;
  std::uint64_t unnamed = 0;
  std::string first_unnamed;
  bool known_architecture = false;
  bool head_omitted = false;
};

constexpr auto kF32 = std::to_array<std::string_view>({
    "_norm.weight",
    "ffn_gate_inp.",
    "ffn_gate_inp_shexp.",
    "position_embd.",
    "token_types.",
    "ssm_conv1d.",
    "shortconv.conv.",
    "altup_correct_coef.",
    "altup_predict_coef.",
    "indexer.proj.",
});

// The converter's choice; `packed` is what a source in four bits keeps.
Dtype converted_dtype(const Converter& to, std::string_view name, const Shape& shape, std::optional<Dtype> packed) {
  if (shape.size() < 2 || !name.ends_with(".weight")) return Dtype::F32;
  if (std::ranges::any_of(kF32, [&](std::string_view part) { return contains(name, part); })) return Dtype::F32;
  return packed.value_or(to.outtype);
}

void emit(Converter& to, std::string name, Shape shape, std::optional<Dtype> packed) {
  const Dtype dtype = converted_dtype(to, name, shape, packed);
  to.plan.tensors.push_back({std::move(name), dtype, std::move(shape)});
}

// Four bits that GGUF has a type for are kept: gpt-oss's experts, and ModelOpt's NVFP4.
std::optional<Dtype> packed_dtype(const Converter& to, const Tensor& tensor, const TensorFacts& facts) {
  if (tensor.dtype != Dtype::U8 || facts.parameters != times(tensor.elements, 2)) return std::nullopt;
  if (split_name(tensor.name).suffix == Suffix::Blocks) return Dtype::MXFP4;
  const bool nvfp4 = to.model.quantization && to.model.quantization->scheme == "nvfp4";
  return nvfp4 ? std::optional(Dtype::NVFP4) : std::nullopt;
}

// Rows and columns of a matrix that is stored flat: its input is as wide as the model, except where the part leads back
// to that width.
Shape flat_shape(const Converter& to, std::uint64_t parameters, std::string_view target) {
  const std::uint64_t width = to.model.architecture.embedding_length.value_or(0);
  const std::uint64_t other = whole_quotient(parameters, width);
  if (other == 0) return {parameters};
  const bool back = contains(target, "down") || contains(target, "output") || contains(target, "_out");
  return back && target != "output" ? Shape{width, other} : Shape{other, width};
}

// The shape a tensor would have had unquantized.
Shape logical_shape(const Converter& to, const Tensor& tensor, const TensorFacts& facts, std::string_view target) {
  Shape shape(tensor.shape.begin(), tensor.shape.end());
  if (facts.parameters == tensor.elements || facts.parameters == 0) return shape;
  const SplitName split = split_name(tensor.name);
  if (split.suffix == Suffix::Qweight) {
    const auto found = to.scales.find(split.module);
    if (found != to.scales.end() && found->second->shape.size() == 2 && shape.size() == 2) {
      const auto& scales = found->second->shape;
      const std::uint64_t out = scales[0] == shape[0] ? shape[0] : scales[1];
      if (const std::uint64_t in = whole_quotient(facts.parameters, out)) return {out, in};
    }
  }
  if (split.suffix == Suffix::Blocks && shape.size() == 4) shape.pop_back();
  const bool flat = shape.size() < 2 || shape.back() == 1;
  if (!flat) {
    std::uint64_t rows = 1;
    for (std::size_t i = 0; i + 1 < shape.size(); ++i) rows = times(rows, shape[i]);
    shape.back() = whole_quotient(facts.parameters, rows);
    if (shape.back() != 0) return shape;
  }
  return flat_shape(to, facts.parameters, target);
}

// Whose experts lie [in, out] in the checkpoint, unless they are packed.
constexpr auto kTurnedExperts = std::to_array<std::string_view>({"llama4", "gpt-oss", "qwen3vlmoe"});
// Whose matrices all do.
constexpr auto kTurned = std::to_array<std::string_view>({"gpt2", "jais"});

void turn(const Converter& to, const Tensor& tensor, const Target& target, Shape& shape) {
  const std::string_view architecture = to.plan.architecture;
  const bool experts = is_one_of(architecture, kTurnedExperts) && shape.size() == 3 &&
                       !tensor.name.ends_with(".weight") && split_name(tensor.name).suffix == Suffix::Weight;
  const bool all = is_one_of(architecture, kTurned) && shape.size() == 2 && target.end == ".weight" &&
                   (contains(tensor.name, ".c_") || contains(tensor.name, "mlp.c_fc"));
  if (experts || all) std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
}

// A part of the rows under a name of its own.
struct Part {
  std::string_view name;
  std::uint64_t rows;
};

// Parts of the second dimension from the inside, of biases of the innermost.
void emit_parts(Converter& to, std::string_view prefix, std::string_view end, const Shape& shape,
                std::initializer_list<Part> parts, std::optional<Dtype> packed) {
  const std::size_t at = shape.size() - (end == ".bias" || shape.size() == 1 ? 1 : 2);
  for (const Part& part : parts) {
    Shape own = shape;
    own[at] = part.rows;
    emit(to, fmt::format("{}{}{}", prefix, part.name, end), std::move(own), packed);
  }
}

std::uint64_t rows_of(const Shape& shape, std::string_view end) {
  return shape[shape.size() - (end == ".bias" || shape.size() == 1 ? 1 : 2)];
}

// Whose kv_b stays one tensor.
constexpr auto kWholeKvB = std::to_array<std::string_view>({"minicpm3", "plm"});

// kv_b [heads * (nope + v), rank] becomes k_b [heads, rank, nope] and v_b [heads, v, rank].
bool emit_head_parts(Converter& to, const std::string& prefix, const Shape& shape, std::optional<Dtype> packed) {
  const std::uint64_t keys = to.config.number({"qk_nope_head_dim"}).value_or(0);
  const std::uint64_t values = to.config.number({"v_head_dim"}).value_or(0);
  if (shape.size() != 2 || keys == 0 || values == 0 || is_one_of(to.plan.architecture, kWholeKvB)) return false;
  SaturatingSum per_head{.value = keys};
  per_head.add(values);
  const std::uint64_t heads = whole_quotient(shape[0], per_head.value);
  if (heads == 0) return false;
  to.plan.kv_heads = 1;  // the cache is one row for all heads
  emit(to, prefix + "attn_k_b.weight", {heads, shape[1], keys}, packed);
  emit(to, prefix + "attn_v_b.weight", {heads, values, shape[1]}, packed);
  return true;
}

bool emit_linear_attention(Converter& to, const std::string& prefix, const Target& target, const Shape& shape) {
  const auto number = [&](std::string_view key) { return to.config.number({key}).value_or(0); };
  const std::uint64_t values = times(number("linear_num_value_heads"), number("linear_value_head_dim"));
  const std::uint64_t rows = rows_of(shape, target.end);
  if (values == 0 || rows <= values) return false;
  emit_parts(to, prefix, target.end, shape, {{"attn_qkv", rows - values}, {"attn_gate", values}}, std::nullopt);
  return true;
}

bool emit_query_key_value(Converter& to, const std::string& prefix, const Target& target, const Shape& shape) {
  SaturatingSum units{.value = to.plan.heads};
  units.add(times(2, to.plan.kv_heads));
  const std::uint64_t rows = whole_quotient(rows_of(shape, target.end), units.value);
  if (rows == 0) return false;
  const std::uint64_t kv_rows = times(rows, to.plan.kv_heads);
  emit_parts(to, prefix, target.end, shape,
             {{"attn_q", times(rows, to.plan.heads)}, {"attn_k", kv_rows}, {"attn_v", kv_rows}}, std::nullopt);
  return true;
}

bool emit_flat_experts(Converter& to, const std::string& name, const Shape& shape, bool turned) {
  const std::uint64_t width = shape.size() == 2 ? whole_quotient(shape[0], to.plan.experts) : 0;
  if (width == 0) return false;
  emit(to, name, turned ? Shape{to.plan.experts, shape[1], width} : Shape{to.plan.experts, width, shape[1]}, {});
  return true;
}

bool emit_stacked(Converter& to, const std::string& name, const Shape& shape, std::optional<Dtype> packed) {
  const auto [entry, first] = to.stacked.emplace(name, to.plan.tensors.size());
  if (!first) {
    Shape& stack = to.plan.tensors[entry->second].shape;
    if (!std::ranges::equal(std::span(stack).subspan(1), shape)) return false;
    ++stack.front();
    return true;
  }
  Shape stack{1};
  stack.insert(stack.end(), shape.begin(), shape.end());
  emit(to, name, std::move(stack), packed);
  return true;
}

// False when the tensor's shape is not what the row expects: it is then renamed only.
bool emit_changed(Converter& to, const std::string& prefix, const Target& target, const Shape& shape,
                  std::optional<Dtype> packed) {
  const std::string name = fmt::format("{}{}{}", prefix, target.row.to, target.end);
  switch (target.row.change) {
    case Change::None: return false;
    case Change::Stack: return emit_stacked(to, name, shape, packed);
    case Change::HeadParts: return emit_head_parts(to, prefix, shape, packed);
    case Change::FlatExperts: return emit_flat_experts(to, name, shape, false);
    case Change::FlatDown: return emit_flat_experts(to, name, shape, true);
    case Change::LinearAttention: return !shape.empty() && emit_linear_attention(to, prefix, target, shape);
    case Change::QueryKeyValue: return !shape.empty() && emit_query_key_value(to, prefix, target, shape);
    case Change::Halves: break;
  }
  if (shape.empty() || rows_of(shape, target.end) % 2 != 0) return false;
  std::string up(target.row.to);
  up.replace(up.find("gate"), 4, "up");
  const std::uint64_t half = rows_of(shape, target.end) / 2;
  emit_parts(to, prefix, target.end, shape, {{target.row.to, half}, {up, half}}, packed);
  return true;
}

// Where the block's prefix and what stands in it, or outside of blocks the wrapper, end.
struct Located {
  std::string prefix;  // "blk.3." or nothing
  std::optional<Target> target;
};

Located locate(const Converter& to, std::string_view name) {
  const NameParts parts = parse_name(name);
  if (parts.layer >= 0) {
    const std::uint64_t first = parts.stack == Stack::Prediction ? to.own_layers : 0;
    return {fmt::format("blk.{}.", first + static_cast<std::uint64_t>(parts.layer)),
            find_target(to.blocks, parts.rest)};
  }
  if (auto target = find_target(to.prediction, name)) return {fmt::format("blk.{}.", to.own_layers), target};
  if (auto target = find_target(to.outer, name)) return {{}, target};
  for (const std::string_view wrapper : kWrappers) {
    if (!name.starts_with(wrapper)) continue;
    if (auto target = find_target(to.outer, name.substr(wrapper.size()))) return {{}, target};
  }
  return {};
}

// Blocks that predict further tokens lie behind the model's own, or under a name of their own.
bool is_prediction(const Converter& to, std::string_view name, const TensorFacts& facts) {
  if (facts.stack == Stack::Prediction || name.starts_with("mtp.")) return true;
  return facts.stack == Stack::Main && static_cast<std::uint64_t>(std::max(facts.layer, 0)) >= to.own_layers &&
         to.own_layers != 0;
}

// Of an expert that keeps its weights as they are: what is said of the first of a stack is said of all.
bool is_plain_expert(const TensorFacts& facts) {
  return facts.routed_expert && facts.parameters == facts.tensor->elements;
}

// Adds a tensor to the stack that one of the same form has begun.
bool join_stack(Converter& to, const TensorFacts& facts) {
  const auto found = to.stacks.find(facts.tensor->name);
  if (!found) return false;
  const TensorFacts& first = *found->meaning->first;
  const bool same = facts.stack == first.stack && facts.tensor->dtype == first.tensor->dtype &&
                    std::ranges::equal(facts.tensor->shape, first.tensor->shape);
  if (same) ++to.plan.tensors[found->meaning->entry].shape.front();
  return same;
}

void remember_stack(Converter& to, const TensorFacts& facts, const std::string& name) {
  const auto entry = to.stacked.find(name);
  const NameParts parts = parse_name(facts.tensor->name);
  const ExpertName expert = expert_name(parts.rest);
  if (entry == to.stacked.end() || expert.part != ExpertPart::Indexed) return;
  const std::string_view whole = facts.tensor->name;
  const std::size_t at = whole.size() - parts.rest.size() + expert.index_at;
  to.stacks.add(around_number(whole, at), {&facts, entry->second});
}

void convert(Converter& to, const Tensor& tensor, const TensorFacts& facts) {
  const bool plain_expert = is_plain_expert(facts);
  if (plain_expert && join_stack(to, facts)) return;
  const bool table = contains(tensor.name, "tid2eid");
  if (is_buffer(tensor.name) || in_tower(tensor.name, facts.stack)) return;
  if (facts.parameters == 0 && tensor.elements != 0 && !table) return;  // quantization overhead
  if (is_prediction(to, tensor.name, facts) && !is_one_of(to.plan.architecture, kPredictionKept)) return;

  Located place = locate(to, tensor.name);
  if (!place.target) {
    if (to.unnamed++ == 0) to.first_unnamed = tensor.name;
    emit(to, std::string(tensor.name), logical_shape(to, tensor, facts, tensor.name), {});
    return;
  }
  Target& target = *place.target;
  if (target.row.from.ends_with("post_attention_layernorm") && is_one_of(to.plan.architecture, kPostAttentionNorm)) {
    target.row.to = "post_attention_norm";
  }
  if (target.row.to == "output" && to.head_omitted) return;
  Shape shape = logical_shape(to, tensor, facts, target.row.to);
  turn(to, tensor, target, shape);
  if (target.row.to == "ssm_conv1d" || target.row.to == "shortconv.conv") std::erase(shape, 1U);
  const auto packed = packed_dtype(to, tensor, facts);
  if (emit_changed(to, place.prefix, target, shape, packed)) {
    if (plain_expert && target.row.change == Change::Stack) {
      remember_stack(to, facts, fmt::format("{}{}{}", place.prefix, target.row.to, target.end));
    }
    return;
  }
  emit(to, fmt::format("{}{}{}", place.prefix, target.row.to, target.end), std::move(shape), packed);
}

// ---- The model as a whole -------------------------------------------------------------------------------------------

void name_architecture(Converter& to) {
  std::vector<std::string_view> names;
  if (to.model.architecture.name) names.push_back(*to.model.architecture.name);
  const nlohmann::json* config = to.model.checkpoint.config.get();
  for (const std::string_view path : {"text_config.model_type"sv, "llm_config.model_type"sv,
                                      "language_config.model_type"sv, "thinker_config.text_config.model_type"sv}) {
    const nlohmann::json* value = config != nullptr ? member(*config, path) : nullptr;
    if (value != nullptr && value->is_string()) names.push_back(value->get_ref<const std::string&>());
  }
  for (const std::string_view name : names) {
    to.plan.architecture = gguf_architecture(name);
    to.known_architecture = !to.plan.architecture.empty();
    if (to.known_architecture) return;
  }
  if (!names.empty()) to.plan.architecture = names.front();
}

void read_dimensions(Converter& to) {
  const Architecture& architecture = to.model.architecture;
  to.own_layers = architecture.layers.value_or(0);
  if (is_one_of(to.plan.architecture, kPredictionKept)) {
    const bool stored = std::ranges::any_of(to.model.tensors,
                                            [](const TensorFacts& facts) { return facts.stack == Stack::Prediction; });
    to.plan.nextn = to.config.number({"mtp_num_hidden_layers", "num_nextn_predict_layers", "num_mtp_layers"})
                        .value_or(stored ? 1 : 0);
  }
  SaturatingSum layers{.value = to.own_layers};
  layers.add(to.plan.nextn);
  to.plan.layers = layers.value;
  to.plan.heads = architecture.heads.value_or(0);
  const auto& kv_heads = architecture.kv_heads_per_layer;
  to.plan.kv_heads = kv_heads.empty() ? architecture.kv_heads.value_or(to.plan.heads) : kv_heads.front();
  to.plan.experts = to.model.experts ? to.model.experts->count : 0;
}

// Of the first matrix, as the converter does when it is left to choose.
Dtype guess_outtype(const Checkpoint& checkpoint) {
  for (const ModelFile& file : checkpoint.files) {
    for (const Tensor& tensor : file.tensors) {
      if (tensor.shape.size() < 2) continue;
      if (tensor.dtype == Dtype::BF16 || tensor.dtype == Dtype::F16) return tensor.dtype;
    }
  }
  return Dtype::F16;
}

// Tables of angles that the converter computes from the config.
void add_rope_tables(Converter& to) {
  const nlohmann::json* scaling = to.config.find({"rope_scaling", "rope_parameters"});
  if (scaling == nullptr || !scaling->is_object()) return;
  const auto is = [&](const char* key, std::string_view value) {
    const nlohmann::json* text = member(*scaling, key);
    return text != nullptr && text->is_string() && text->get_ref<const std::string&>() == value;
  };
  if (is("rope_type", "llama3") || is("type", "llama3")) {
    const std::uint64_t width = to.model.architecture.embedding_length.value_or(0);
    const auto head = to.config.number({"head_dim"}).value_or(whole_quotient(width, to.plan.heads));
    if (head > 1) emit(to, "rope_freqs.weight", {head / 2}, {});
  }
  for (const auto& [key, name] :
       {std::pair{"long_factor", "rope_factors_long.weight"}, std::pair{"short_factor", "rope_factors_short.weight"}}) {
    const nlohmann::json* factors = member(*scaling, key);
    if (factors != nullptr && factors->is_array() && !factors->empty()) emit(to, name, {factors->size()}, {});
  }
}

const PlannedTensor* find_tensor(const GgufPlan& plan, std::string_view name) {
  const auto found = std::ranges::find(plan.tensors, name, &PlannedTensor::name);
  return found == plan.tensors.end() ? nullptr : &*found;
}

// A single "expert" without a router is a dense layer (Jamba); a shared expert in a model without routed ones is the
// feed-forward part (Granite).
void rename_dense(Converter& to) {
  std::unordered_set<std::string> routers;
  for (const PlannedTensor& tensor : to.plan.tensors) {
    if (tensor.name.ends_with("ffn_gate_inp.weight")) routers.insert(tensor.name);
  }
  for (PlannedTensor& tensor : to.plan.tensors) {
    const std::size_t routed = tensor.name.find("_exps.weight");
    const std::size_t shared = tensor.name.find("_shexp.weight");
    if (routed != std::string::npos && tensor.shape.size() == 3 && tensor.shape.front() == 1) {
      const std::string router = tensor.name.substr(0, tensor.name.find("ffn_")) + "ffn_gate_inp.weight";
      if (routers.contains(router)) continue;
      tensor.name.erase(routed, 5);
      tensor.shape.erase(tensor.shape.begin());
    } else if (shared != std::string::npos && to.plan.experts == 0) {
      tensor.name.erase(shared, 6);
    }
  }
}

// Whose file states KV heads per layer, none for the first when it has no attention.
constexpr auto kHybrid = std::to_array<std::string_view>(
    {"granitehybrid", "jamba", "nemotron_h", "lfm2", "lfm2moe", "plamo2", "kimi-linear"});

void decide_heads(Converter& to) {
  const PlannedTensor* query = find_tensor(to.plan, "blk.0.attn_q.weight");
  const PlannedTensor* key = find_tensor(to.plan, "blk.0.attn_k.weight");
  if (is_one_of(to.plan.architecture, kHybrid) && query == nullptr) to.plan.kv_heads = 0;
  if (to.plan.heads != 0 || query == nullptr || key == nullptr) return;
  // Without a config only how many of one share one of the other is known, and no rule asks for more.
  to.plan.heads = query->shape.front();
  to.plan.kv_heads = key->shape.front();
}

// The vocabulary is by far the most of a header: with merges some 48 bytes a token, as a plain list of pieces (small
// vocabularies, and Gemma's) some 24. Measured on published files: 23 to 65.
std::uint64_t guess_key_bytes(const Converter& to) {
  const std::uint64_t tokens = to.model.architecture.vocab_size.value_or(0);
  const bool pieces = tokens <= 65536 || to.plan.architecture.starts_with("gemma");
  constexpr std::uint64_t kOtherKeys = 4096;
  SaturatingSum sum{.value = kOtherKeys};
  sum.add(times(tokens, pieces ? 23 : 48));
  return sum.value;
}

void remark(Converter& to) {
  auto& remarks = to.plan.remarks;
  remarks.push_back(fmt::format("the header is estimated at {} bytes of keys: the vocabulary is not in the checkpoint",
                                to.plan.key_bytes));
  if (to.model.checkpoint.config == nullptr) {
    remarks.push_back("there is no config.json: the architecture is taken to be llama");
  } else if (!to.known_architecture) {
    remarks.push_back(fmt::format("no GGUF architecture is known for {}", quote(to.plan.architecture)));
  }
  if (to.unnamed != 0) {
    remarks.push_back(fmt::format("{} tensors have no known name in GGUF and keep their own, {} first", to.unnamed,
                                  quote(to.first_unnamed)));
  }
}

}  // namespace

GgufPlan plan_conversion(const Model& model) {
  Converter to{.model = model,
               .config = ConfigReader(model.checkpoint.config.get()),
               .plan = {},
               .scales = {},
               .stacked = {},
               .stacks = {},
               .first_unnamed = {}};
  to.plan.architecture = "llama";
  if (model.checkpoint.config != nullptr) name_architecture(to);
  to.outtype = guess_outtype(model.checkpoint);
  const bool tied = to.config.flag("tie_word_embeddings") || is_one_of(to.plan.architecture, kAlwaysTied);
  to.head_omitted = tied && is_one_of(to.plan.architecture, kHeadOmitted);
  read_dimensions(to);
  for (const TensorFacts& facts : model.tensors) {
    if (!model.quantization) break;  // nothing is packed
    const SplitName split = split_name(facts.tensor->name);
    if (split.suffix == Suffix::Scales) to.scales.emplace(split.module, facts.tensor);
  }
  for (const TensorFacts& facts : model.tensors) convert(to, *facts.tensor, facts);
  rename_dense(to);
  decide_heads(to);
  add_rope_tables(to);
  to.plan.key_bytes = guess_key_bytes(to);
  to.plan.estimated_keys = true;
  remark(to);
  return std::move(to.plan);
}

}  // namespace weigh::core
