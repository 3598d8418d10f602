#include "src/model/packing/quantization.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/name_index.h"
#include "src/model/config.h"
#include "src/model/naming/tensor_name.h"
#include "src/model/packing/integer_width.h"
#include "src/model/packing/schemes.h"

namespace weigh::core {

namespace {

// Of safetensors' types: "I8" to "I64", "U8" to "U64".
bool is_integer(Dtype dtype) {
  const std::string_view name = info(dtype).name;
  return name.starts_with('I') || name.starts_with('U');
}

// The tensors of every module as chains through `next`, so that no module needs memory of its own.
struct Modules {
  static constexpr std::uint32_t none = UINT32_MAX;

  NameIndex names;
  std::vector<SuffixMask> masks;
  std::vector<std::uint32_t> first;
  std::vector<std::uint32_t> next;  // per tensor
  std::vector<Suffix> suffixes;     // per tensor
};

Modules group_by_module(std::span<const TensorFacts> tensors) {
  Modules modules{.names = NameIndex(tensors.size()), .masks = {}, .first = {}, .next = {}, .suffixes = {}};
  modules.next.resize(tensors.size(), Modules::none);
  modules.suffixes.resize(tensors.size());
  std::string_view last;  // a module's tensors mostly stand together
  std::uint32_t module = 0;
  for (std::uint32_t i = 0; i < tensors.size(); ++i) {
    const SplitName split = split_name(tensors[i].tensor->name);
    if (i == 0 || split.module != last) module = modules.names.id(split.module);
    last = split.module;
    if (module == modules.masks.size()) {
      modules.masks.push_back(0);
      modules.first.push_back(Modules::none);
    }
    modules.suffixes[i] = split.suffix;
    modules.masks[module] |= bit(split.suffix);
    modules.next[i] = modules.first[module];
    modules.first[module] = i;
  }
  return modules;
}

// No companion at all means no quantized module: the usual case, and one pass over the ends of the names tells.
bool has_companions(std::span<const TensorFacts> tensors) {
  return std::ranges::any_of(tensors, [](const TensorFacts& facts) {
    const Suffix suffix = split_name(facts.tensor->name).suffix;
    return suffix != Suffix::Weight && suffix != Suffix::Bias;
  });
}

// Tables of indices that nobody trained: DeepSeek-V4's first layers route by one from token to expert, EAGLE's draft
// heads have one from their vocabulary to the target's and a mask of the target's tokens that are in it.
bool is_index_table(const Tensor& tensor) {
  constexpr std::array<std::string_view, 3> kTables{"tid2eid", "d2t", "t2d"};
  if (!is_integer(tensor.dtype) && tensor.dtype != Dtype::BOOL) return false;
  std::string_view name = tensor.name;
  if (constexpr std::string_view kEnd = ".weight"; name.ends_with(kEnd)) name.remove_suffix(kEnd.size());
  return std::ranges::any_of(kTables, [&](std::string_view table) { return name.ends_with(table); });
}

// What a tensor outside of any quantized module counts.
std::uint64_t stored_parameters(const Tensor& tensor, Suffix suffix) {
  if (always_overhead(suffix) || tensor.dtype == Dtype::F8_E8M0) return 0;
  return is_index_table(tensor) ? 0 : tensor.elements;
}

// How many weights were met under one scheme, bit width and group size.
struct Tally {
  Quantization quantization;
  SaturatingSum parameters;
};

// What is worth a finding, over all modules: how often, and the first of them.
struct Remark {
  std::uint64_t modules = 0;
  std::string first;

  void add(std::string_view module) {
    if (modules++ == 0) first = module;
  }
};

struct Counted {
  std::vector<Tally> tallies;
  Remark assumed;
  Remark disagreeing;
};

void tally(const Scheme& scheme, const Unpacked& unpacked, std::vector<Tally>& tallies) {
  const std::string_view name = unpacked.scheme.empty() ? scheme.name : unpacked.scheme;
  const auto same = std::ranges::find_if(tallies, [&](const Tally& row) {
    const Quantization& q = row.quantization;
    return q.scheme == name && q.bits == unpacked.bits && q.group_size == unpacked.group_size;
  });
  // Hostile shapes can give each module a group size of its own; past a few the rest adds nothing to the answer.
  constexpr std::size_t kMaxTallies = 64;
  if (same == tallies.end() && tallies.size() == kMaxTallies) return;
  Tally& row = same != tallies.end()
                   ? *same
                   : tallies.emplace_back(Tally{{std::string(name), unpacked.bits, unpacked.group_size}, {}});
  row.parameters.add(unpacked.parameters);
}

// The first scheme whose packed tensor and companions the module has, and whose shapes agree.
struct Match {
  const Scheme* scheme = nullptr;
  Unpacked unpacked;
};
std::optional<Match> match(const PackedTensor& packed, Suffix suffix, SuffixMask mask) {
  for (const Scheme& scheme : schemes()) {
    if (scheme.packed != suffix || (scheme.signs & mask) == 0) continue;
    if (const auto unpacked = scheme.unpack(packed)) return Match{&scheme, *unpacked};
  }
  return std::nullopt;
}

void remark(const PackedTensor& packed, const Unpacked& unpacked, Counted& counted) {
  if (unpacked.assumed) counted.assumed.add(packed.name);
  const auto stated = packed.stated().bits;
  // Several groups of modules, or an average over them: nothing is stated of this one.
  const bool varies = packed.config.groups.size() > 1 || packed.config.method.starts_with("exl");
  // Where the bits are not in the shapes they come from the config, and agree.
  if (stated && unpacked.bits && *stated != *unpacked.bits && !varies) counted.disagreeing.add(packed.name);
}

// Ollama's stacked experts have no ".weight" in their names: the bias of such a module is the zero points of its groups,
// one for each scale. A true bias has no dimension for groups.
bool has_zero_points(const ModuleTensors& module) {
  const Tensor* bias = module[static_cast<std::size_t>(Suffix::Bias)];
  const Tensor* scale = module[static_cast<std::size_t>(Suffix::Scale)];
  return bias != nullptr && scale != nullptr && bias->shape.size() > 1 && std::ranges::equal(bias->shape, scale->shape);
}

bool is_float_data(Dtype dtype) {
  return dtype == Dtype::F64 || dtype == Dtype::F32 || dtype == Dtype::F16 || dtype == Dtype::BF16;
}

// An I8 weight beside scales, of which no header says how wide it is.
std::optional<ByteWeight> byte_weight(const Modules& modules, std::uint32_t module, const HeaderStatements& headers,
                                      std::span<const TensorFacts> facts) {
  constexpr SuffixMask kScales = bit(Suffix::WeightScale) | bit(Suffix::ScaleWeight);
  if ((modules.masks[module] & kScales) == 0 || (modules.masks[module] & bit(Suffix::RelativeScale)) != 0) return {};
  ByteWeight weight;
  weight.module = module;
  weight.block = block_of_name(modules.names.names()[module]);
  for (std::uint32_t i = modules.first[module]; i != Modules::none; i = modules.next[i]) {
    const Tensor& tensor = *facts[i].tensor;
    const Suffix suffix = modules.suffixes[i];
    if (suffix == Suffix::Weight) {
      if (tensor.dtype != Dtype::I8 || tensor.shape.size() < 2) return {};
      if (headers.of(module, facts[i].file).bits()) return {};
      weight.rows = tensor.shape[tensor.shape.size() - 2];
      weight.columns = tensor.shape.back();
    } else if (suffix == Suffix::ComfyQuant) {
      weight.marker_bytes = tensor.bytes;
    } else if ((bit(suffix) & kScales) != 0) {
      weight.scale_dimensions = tensor.shape.size();
    } else if (suffix != Suffix::Bias && tensor.shape.size() == 1 && is_float_data(tensor.dtype)) {
      weight.inputs.push_back(tensor.elements);
    }
  }
  return weight.columns == 0 ? std::nullopt : std::optional(weight);
}

// What a tensor shows of widths: a norm is read by the layers behind it, a plain matrix reads its columns.
void add_widths(const Tensor& tensor, Suffix suffix, bool quantized, Widths& widths) {
  const std::size_t dimensions = tensor.shape.size();
  if (suffix == Suffix::Weight && dimensions >= 2) ++widths.written[tensor.shape[dimensions - 2]];
  if (quantized || !is_float_data(tensor.dtype)) return;
  if (suffix == Suffix::Weight && dimensions == 2) ++widths.read[tensor.shape.back()];
  if (suffix != Suffix::Bias && dimensions == 1 && tensor.elements > 1) ++widths.read[tensor.elements];
}

std::unordered_map<std::uint32_t, std::uint64_t> told_by_neighbours(const Modules& modules,
                                                                    const HeaderStatements& headers,
                                                                    std::span<const TensorFacts> facts) {
  std::vector<ByteWeight> weights;
  for (std::uint32_t module = 0; module < modules.masks.size(); ++module) {
    if (auto weight = byte_weight(modules, module, headers, facts)) weights.push_back(std::move(*weight));
  }
  if (weights.empty()) return {};
  std::unordered_map<std::string_view, Widths> blocks;
  Widths file;
  for (std::uint32_t module = 0; module < modules.masks.size(); ++module) {
    const bool quantized =
        (modules.masks[module] & ~(bit(Suffix::Weight) | bit(Suffix::Bias) | bit(Suffix::Scale))) != 0;
    Widths& block = blocks[block_of_name(modules.names.names()[module])];
    for (std::uint32_t i = modules.first[module]; i != Modules::none; i = modules.next[i]) {
      add_widths(*facts[i].tensor, modules.suffixes[i], quantized, block);
      add_widths(*facts[i].tensor, modules.suffixes[i], quantized, file);
    }
  }
  return widths_by_neighbours(weights, blocks, file);
}

std::optional<std::uint64_t> bits_in(const std::unordered_map<std::uint32_t, std::uint64_t>& told,
                                     std::uint32_t module) {
  const auto found = told.find(module);
  return found == told.end() ? std::nullopt : std::optional(found->second);
}

Counted count_modules(const Checkpoint& checkpoint, const QuantizationConfig& config, std::span<TensorFacts> facts) {
  const Modules modules = group_by_module(facts);
  const HeaderStatements headers(checkpoint, modules.names);
  // Where a config states a scheme, the shapes are that scheme's.
  const auto told = config.section == nullptr ? told_by_neighbours(modules, headers, facts)
                                              : std::unordered_map<std::uint32_t, std::uint64_t>();
  Counted counted;
  ModuleTensors companions{};
  for (std::uint32_t module = 0; module < modules.masks.size(); ++module) {
    const std::uint32_t first = modules.first[module];
    for (std::uint32_t i = first; i != Modules::none; i = modules.next[i]) {
      companions[static_cast<std::size_t>(modules.suffixes[i])] = facts[i].tensor;
      facts[i].parameters = stored_parameters(*facts[i].tensor, modules.suffixes[i]);
    }
    const SuffixMask mask = modules.masks[module];
    SuffixMask packed_suffixes = 0;
    for (std::uint32_t i = first; i != Modules::none; i = modules.next[i]) {
      const PackedTensor packed{.tensor = *facts[i].tensor,
                                .module = companions,
                                .name = modules.names.names()[module],
                                .header = headers.of(module, facts[i].file),
                                .config = config,
                                .neighbours_bits = bits_in(told, module)};
      if ((mask & ~(bit(Suffix::Weight) | bit(Suffix::Bias))) == 0) break;
      const auto found = match(packed, modules.suffixes[i], mask);
      if (!found) continue;
      facts[i].parameters = found->unpacked.parameters;
      packed_suffixes |= bit(modules.suffixes[i]);
      facts[i].unpacked = !found->unpacked.unknown;
      facts[i].parameters_known = !found->unpacked.unknown;
      if (found->unpacked.unknown) continue;
      tally(*found->scheme, found->unpacked, counted.tallies);
      remark(packed, found->unpacked, counted);
    }
    const SuffixMask parameters =
        packed_suffixes | bit(Suffix::Weight) | (has_zero_points(companions) ? 0 : bit(Suffix::Bias));
    for (std::uint32_t i = first; i != Modules::none; i = modules.next[i]) {
      const Suffix suffix = modules.suffixes[i];
      if (packed_suffixes != 0 && (parameters & bit(suffix)) == 0) facts[i].parameters = 0;
      companions[static_cast<std::size_t>(suffix)] = nullptr;
    }
  }
  return counted;
}

// Which schemes a config's word may mean. What is not listed is not judged.
struct MethodRow {
  std::string_view method;
  std::string_view schemes;  // parted and enclosed by spaces
};
constexpr auto kMethods = std::to_array<MethodRow>({
    {"gptq", " gptq "},
    {"awq", " awq "},
    {"auto-round", " gptq awq "},
    {"bitsandbytes", " bnb-nf4 bnb-fp4 bnb-int8 "},
    {"compressed-tensors", " compressed-tensors nvfp4 mxfp4 fp8 mxfp8 "},
    {"fp8", " fp8 mxfp4 mxfp8 "},
    {"fbgemm_fp8", " fp8 "},
    {"mxfp4", " mxfp4 "},
    {"modelopt", " fp8 nvfp4 mxfp4 mxfp8 modelopt-int4 compressed-tensors "},
    {"mlx", " mlx-affine nvfp4 mxfp4 mxfp8 "},
    {"hqq", " hqq "},
    {"eetq", " eetq "},
    {"aqlm", " aqlm "},
    {"quip", " quip "},
    {"vptq", " vptq "},
    {"torchao", " torchao "},
    {"quanto", " quanto "},
    {"exl2", " exl2 "},
    {"exl3", " exl3 "},
    {"bitnet", " bitnet "},
});

// What further keys of the config may mean.
struct FormatRow {
  std::string_view key;
  std::string_view value;
  std::string_view schemes;  // as above
};
constexpr auto kFormats = std::to_array<FormatRow>({
    {"format", "pack-quantized", " compressed-tensors "},
    {"format", "marlin-24", " compressed-tensors "},
    {"format", "int-quantized", " compressed-tensors "},
    {"format", "float-quantized", " fp8 "},
    {"format", "nvfp4-pack-quantized", " nvfp4 "},
    {"format", "mxfp4-pack-quantized", " mxfp4 "},
    {"format", "mxfp8-quantized", " mxfp8 "},
    {"quant_algo", "FP8", " fp8 "},
    {"quant_algo", "FP8_PB_WO", " fp8 "},
    {"quant_algo", "NVFP4", " nvfp4 "},
    {"quant_algo", "MXFP8", " mxfp8 "},
    {"quant_algo", "W4A16_AWQ", " modelopt-int4 "},
    {"quant_algo", "W4A8_AWQ", " modelopt-int4 "},
    {"quantization.quant_algo", "FP8", " fp8 "},
    {"quantization.quant_algo", "NVFP4", " nvfp4 "},
    {"mode", "affine", " mlx-affine "},
    {"mode", "mxfp4", " mxfp4 "},
    {"mode", "nvfp4", " nvfp4 "},
    {"mode", "mxfp8", " mxfp8 "},
    {"bnb_4bit_quant_type", "nf4", " bnb-nf4 bnb-int8 "},
    {"bnb_4bit_quant_type", "fp4", " bnb-fp4 bnb-int8 "},
});

// The value of the first key that states a format of which the scheme is none.
std::string_view contradicted_format(const QuantizationConfig& config, std::string_view scheme) {
  if (config.section == nullptr || config.groups.size() > 1) return {};
  // MLX keeps an entry for each module that differs: together they may hold most of the weights.
  const auto differs = [](const nlohmann::json& entry) { return entry.is_object() && entry.contains("mode"); };
  if (std::ranges::any_of(*config.section, differs)) return {};
  for (const FormatRow& row : kFormats) {
    const nlohmann::json* value = member(*config.section, row.key);
    if (value == nullptr || !value->is_string() || value->get_ref<const std::string&>() != row.value) continue;
    if (row.schemes.find(fmt::format(" {} ", scheme)) == row.schemes.npos) return row.value;
  }
  return {};
}

void compare_with_config(const QuantizationConfig& config, const Counted& counted,
                         const std::optional<Quantization>& quantization, std::vector<Finding>& findings) {
  if (config.section != nullptr && !quantization) {
    const auto method = config.method.empty() ? std::string("a quantisation") : quote(config.method);
    findings.emplace_back(
        FindingCode::QuantizationNotFound, Severity::Warning,
        fmt::format("the config states {}, but no tensor is packed in a scheme known here: parameters are counted as "
                    "they are stored",
                    method));
    return;
  }
  if (!quantization) return;
  const auto row = std::ranges::find(kMethods, config.method, &MethodRow::method);
  if (row != kMethods.end() && row->schemes.find(fmt::format(" {} ", quantization->scheme)) == row->schemes.npos) {
    findings.emplace_back(FindingCode::QuantizationMismatch, Severity::Warning,
                          fmt::format("the config states {}, the tensors are {}: the tensors are believed",
                                      quote(config.method), quantization->scheme));
  } else if (const auto format = contradicted_format(config, quantization->scheme); !format.empty()) {
    findings.emplace_back(FindingCode::QuantizationMismatch, Severity::Warning,
                          fmt::format("the config states {}, the tensors are {}: the tensors are believed",
                                      quote(format), quantization->scheme));
  }
  if (counted.disagreeing.modules != 0) {
    findings.emplace_back(
        FindingCode::QuantizationBitsMismatch, Severity::Warning,
        fmt::format("the config and the shapes disagree on the bits of {} modules, {} first: the shapes are believed",
                    counted.disagreeing.modules, quote(counted.disagreeing.first)));
  }
  if (counted.assumed.modules != 0) {
    findings.emplace_back(
        FindingCode::QuantizationBitsAssumed, Severity::Warning,
        fmt::format("neither shapes nor config tell how {} modules are packed, {} first: {} bits are assumed",
                    counted.assumed.modules, quote(counted.assumed.first), quantization->bits.value_or(4)));
  }
}

// An embedding is often left as it was where all else is packed, so it says nothing of the rest.
bool is_embedding(Role role) {
  return role == Role::TokenEmbedding || role == Role::OtherEmbedding || role == Role::OutputHead;
}

}  // namespace

namespace {

// Weights of a scheme that is known, and of a width that is not.
bool report_unknown_width(std::span<const TensorFacts> facts, std::vector<Finding>& findings) {
  Remark unknown;
  for (const TensorFacts& row : facts) {
    if (!row.parameters_known) unknown.add(row.tensor->name);
  }
  if (unknown.modules == 0) return false;
  findings.emplace_back(
      FindingCode::PackingUnknown, Severity::Warning,
      fmt::format("neither the header nor the shapes around them tell whether a byte of {} ComfyUI weight{} holds one "
                  "weight or two, {} first: the parameters are unknown",
                  unknown.modules, unknown.modules == 1 ? "" : "s", quote(unknown.first)));
  return true;
}

}  // namespace

bool report_unknown_packing(const Checkpoint& checkpoint, std::span<TensorFacts> facts,
                            std::vector<Finding>& findings) {
  if (checkpoint.files.empty() || is_gguf(checkpoint)) return false;
  if (report_unknown_width(facts, findings)) return true;
  SaturatingSum all, integers, inner, inner_integers;
  const Tensor* first = nullptr;
  // A vector of integers is a table or a text more often than weights.
  const auto is_unknown = [](const TensorFacts& row) {
    const bool weights = row.role != Role::Buffer && row.role != Role::Overhead;
    return weights && !row.unpacked && is_integer(row.tensor->dtype) && row.tensor->shape.size() > 1;
  };
  for (const TensorFacts& row : facts) {
    const Tensor& tensor = *row.tensor;
    if (row.role == Role::Buffer || row.role == Role::Overhead) continue;
    const bool integer = is_unknown(row);
    if (integer && first == nullptr) first = &tensor;
    all.add(tensor.elements);
    if (integer) integers.add(tensor.elements);
    if (is_embedding(row.role)) continue;
    inner.add(tensor.elements);
    if (integer) inner_integers.add(tensor.elements);
  }
  const bool most = integers.value > all.value / 2 || inner_integers.value > inner.value / 2;
  if (first == nullptr || !most) return false;
  for (TensorFacts& row : facts) row.parameters_known = !is_unknown(row);
  findings.emplace_back(
      FindingCode::PackingUnknown, Severity::Warning,
      fmt::format(
          "most weights are integers in no packing known here, {} ({}) first: each may hold several weights, so "
          "the parameters are unknown",
          quote(first->name), info(first->dtype).name));
  return true;
}

std::optional<Quantization> count_parameters(const Checkpoint& checkpoint, std::span<TensorFacts> facts,
                                             std::vector<Finding>& findings) {
  const bool gguf = is_gguf(checkpoint);
  const QuantizationConfig config = gguf ? QuantizationConfig{} : read_quantization_config(checkpoint);
  if (!has_companions(facts)) {
    for (TensorFacts& row : facts) row.parameters = stored_parameters(*row.tensor, Suffix::Weight);
    compare_with_config(config, {}, std::nullopt, findings);
    return std::nullopt;
  }
  const Counted counted = count_modules(checkpoint, config, facts);
  std::optional<Quantization> quantization;
  // A GGUF's types are its quantization; the scales beside some of its weights are no scheme of their own.
  if (!gguf && !counted.tallies.empty()) {
    quantization = std::ranges::max_element(counted.tallies, {}, [](const Tally& row) {
                     return row.parameters.value;
                   })->quantization;
  }
  compare_with_config(config, counted, quantization, findings);
  return quantization;
}

}  // namespace weigh::core
