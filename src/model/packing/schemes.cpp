// The quantization schemes of safetensors checkpoints (and GGUF's two cases of scales beside a weight): how many
// weights each packed tensor holds. `out` x `in` is the logical weight; shapes are written out in the comments as the
// writers store them, outermost first.

#include "src/model/packing/schemes.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "formats/checked.h"
#include "src/model/config.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kWordBits = 32;

std::uint64_t dimension_from_end(const Tensor& tensor, std::size_t from_end) {
  return tensor.shape.size() > from_end ? tensor.shape[tensor.shape.size() - 1 - from_end] : 1;
}
std::uint64_t columns(const Tensor& tensor) { return dimension_from_end(tensor, 0); }
std::uint64_t rows(const Tensor& tensor) { return dimension_from_end(tensor, 1); }

bool is_one_of(Dtype dtype, std::initializer_list<Dtype> dtypes) {
  return std::ranges::find(dtypes, dtype) != dtypes.end();
}
bool is_float8(Dtype dtype) {
  return is_one_of(dtype, {Dtype::F8_E4M3, Dtype::F8_E5M2, Dtype::F8_E4M3FNUZ, Dtype::F8_E5M2FNUZ});
}
bool is_float(Dtype dtype) { return is_one_of(dtype, {Dtype::F16, Dtype::BF16, Dtype::F32}); }
bool is_plain_integer(Dtype dtype) { return is_one_of(dtype, {Dtype::I8, Dtype::I16, Dtype::I32, Dtype::I64}); }
bool is_e8m0(const Tensor* scale) { return scale != nullptr && is_one_of(scale->dtype, {Dtype::U8, Dtype::F8_E8M0}); }
bool has_type(const Tensor* tensor, Dtype dtype) { return tensor != nullptr && tensor->dtype == dtype; }

// Bits of one stored element; of plain types only.
std::uint64_t width(Dtype dtype) { return info(dtype).block_bits; }

// Widths that any of the writers here packs into words.
bool is_packable(std::uint64_t bits) { return bits >= 1 && bits <= 8; }

std::optional<std::uint64_t> known(std::uint64_t value) { return value == 0 ? std::nullopt : std::optional(value); }

// elements * width / bits, with the bits from the shapes, else from the config, else the common 4.
Unpacked by_bits(const PackedTensor& packed, std::uint64_t bits_from_shapes) {
  Unpacked unpacked;
  const auto stated = packed.stated().bits;
  std::uint64_t bits = bits_from_shapes;
  if (!is_packable(bits)) bits = stated.value_or(0);
  if (!is_packable(bits)) {
    bits = 4;
    unpacked.assumed = true;
  }
  unpacked.bits = bits;
  unpacked.parameters = scaled(packed.tensor.elements, width(packed.tensor.dtype), bits);
  return unpacked;
}

// Elements that hold `per_element` weights each.
Unpacked by_factor(const PackedTensor& packed, std::uint64_t per_element, std::uint64_t bits,
                   std::optional<std::uint64_t> group_size = {}) {
  return {.parameters = times(packed.tensor.elements, per_element), .bits = bits, .group_size = group_size};
}

// trellis I16 [in / 16, out / 16, 16 * bits]; in and out are padded to 128 where they are no multiple.
std::optional<Unpacked> exl3(const PackedTensor& packed) {
  const Tensor& trellis = packed.tensor;
  if (trellis.shape.size() != 3 || !is_one_of(trellis.dtype, {Dtype::I16, Dtype::U16})) return std::nullopt;
  return Unpacked{.parameters = times(times(trellis.shape[0], trellis.shape[1]), 256),
                  .bits = known(trellis.shape[2] / 16)};
}

// q_weight I32 [some rows, out], q_invperm I32 [in]: widths are mixed within one matrix, only q_invperm gives `in`.
std::optional<Unpacked> exl2(const PackedTensor& packed) {
  const std::uint64_t in = packed.at(Suffix::Exl2Invperm)->elements;
  Unpacked unpacked{.parameters = times(columns(packed.tensor), in)};
  const std::uint64_t bits = whole_quotient(times(rows(packed.tensor), kWordBits), in);
  if (is_packable(bits)) unpacked.bits = bits;
  return unpacked;
}

// 2:4 sparse: weight_packed I32 holds the half of the weights that are not zero.
std::optional<Unpacked> marlin_24(const PackedTensor& packed) {
  if (packed.tensor.dtype != Dtype::I32) return std::nullopt;
  Unpacked unpacked = by_bits(packed, 0);
  unpacked.parameters = times(unpacked.parameters, 2);
  return unpacked;
}

// weight_packed I32 [.., out, in * bits / 32], weight_scale [.., out, in / group]. Bits * group is all that shapes
// tell, so the config's groups are tried against it: a packed row and a row of scales must mean the same `in`.
std::optional<Unpacked> pack_quantized(const PackedTensor& packed) {
  const Tensor& scale = *packed.at(Suffix::WeightScale);
  if (packed.tensor.dtype != Dtype::I32) return std::nullopt;
  for (const StatedBits& group : packed.config.groups) {
    const std::uint64_t bits = group.bits.value_or(0);
    if (!is_packable(bits) || !group.group_size) continue;
    const std::uint64_t in = times(columns(scale), *group.group_size);
    // Dense since 2026 (32 / bits weights a word), floor(32 / bits) a word before that.
    const std::uint64_t dense = scaled(in, bits, kWordBits) + (in % kWordBits * bits % kWordBits != 0 ? 1 : 0);
    const std::uint64_t per_word = kWordBits / bits;
    const std::uint64_t loose = in / per_word + (in % per_word != 0 ? 1 : 0);
    if (columns(packed.tensor) != 0 && (columns(packed.tensor) == dense || columns(packed.tensor) == loose)) {
      return Unpacked{.parameters = times(packed.tensor.elements / columns(packed.tensor), in),
                      .bits = bits,
                      .group_size = group.group_size};
    }
  }
  const std::uint64_t stated = packed.config.groups.empty() ? 0 : packed.config.groups.front().bits.value_or(0);
  return by_bits(packed, stated);
}

// weight_packed (ModelOpt: weight) U8 [out, in / 2], weight_scale F8_E4M3 [out, in / 16].
std::optional<Unpacked> nvfp4(const PackedTensor& packed) {
  if (packed.tensor.dtype != Dtype::U8 || !has_type(packed.at(Suffix::WeightScale), Dtype::F8_E4M3))
    return std::nullopt;
  return by_factor(packed, 2, 4, 16);
}

// weight_packed (ModelOpt: weight) U8 [out, in / 2], weight_scale U8 or F8_E8M0 [out, in / 32].
std::optional<Unpacked> mxfp4(const PackedTensor& packed) {
  if (packed.tensor.dtype != Dtype::U8 || !is_e8m0(packed.at(Suffix::WeightScale))) return std::nullopt;
  return by_factor(packed, 2, 4, 32);
}

// qweight I32 [in * bits / 32, out], scales [groups, out], qzeros [groups, out * bits / 32], g_idx [in].
std::optional<Unpacked> gptq(const PackedTensor& packed) {
  const Tensor& qweight = packed.tensor;
  const Tensor& scales = *packed.at(Suffix::Scales);
  const Tensor* zeros = packed.at(Suffix::Qzeros);
  if (!is_plain_integer(qweight.dtype) || columns(qweight) != columns(scales)) return std::nullopt;
  if (zeros != nullptr && is_float(zeros->dtype)) return std::nullopt;  // AWQ's gemv_fast
  const std::uint64_t row_bits = times(rows(qweight), width(qweight.dtype));
  const Tensor* index = packed.at(Suffix::GIdx);
  const std::uint64_t indexed = index != nullptr ? index->elements : 0;
  std::uint64_t bits = indexed != 0 ? row_bits / indexed : 0;
  if (!is_packable(bits) && zeros != nullptr && columns(scales) != 0) {
    bits = scaled(columns(*zeros), width(zeros->dtype), columns(scales));
  }
  Unpacked unpacked = by_bits(packed, bits);
  const std::uint64_t in = row_bits / *unpacked.bits;
  const std::uint64_t groups = rows(scales);
  const auto stated = packed.config.of(packed.name).group_size;
  // One scale per column is the config's group_size -1: no group at all.
  if (groups > 1) {
    const bool agrees = stated && *stated != 0 && in / *stated + (in % *stated != 0 ? 1 : 0) == groups;
    unpacked.group_size = agrees ? stated : known(in / groups);
  }
  return unpacked;
}

// gemm: qweight I32 [in, out * bits / 32], scales [in / group, out]. gemv: [out, in * bits / 32]. gemv_fast: I16 [out /
// 4, in]. All pack densely, so elements * width / bits holds for each.
std::optional<Unpacked> awq(const PackedTensor& packed) {
  const Tensor& qweight = packed.tensor;
  const Tensor& scales = *packed.at(Suffix::Scales);
  if (!is_plain_integer(qweight.dtype)) return std::nullopt;
  const StatedBits stated = packed.config.of(packed.name);
  const bool gemm = rows(qweight) > rows(scales) && columns(scales) > columns(qweight) && qweight.dtype == Dtype::I32;
  const bool gemv_fast = width(qweight.dtype) == 16;  // of 4 bits only
  Unpacked unpacked = by_bits(packed, gemv_fast ? 4 : gemm ? scaled(columns(qweight), kWordBits, columns(scales)) : 0);
  unpacked.group_size = gemm ? known(whole_quotient(rows(qweight), rows(scales))) : stated.group_size;
  return unpacked;
}

// qweight (or weight) I8 [in, out], weight_scales F16 [out].
std::optional<Unpacked> eetq(const PackedTensor& packed) {
  if (packed.tensor.dtype != Dtype::I8) return std::nullopt;
  return by_factor(packed, 1, 8);
}

// weight U8 [out * in / 2, 1], flat; the storage type may be a wider one. absmax has one value per block.
std::optional<Unpacked> bnb_4bit(const PackedTensor& packed) {
  if (!is_one_of(packed.tensor.dtype, {Dtype::U8, Dtype::I8}) && !is_float(packed.tensor.dtype)) return std::nullopt;
  Unpacked unpacked = by_factor(packed, width(packed.tensor.dtype) / 4, 4);
  const Tensor* absmax = packed.at(Suffix::Absmax);
  // The last block may be shorter.
  if (absmax != nullptr && absmax->elements != 0) {
    unpacked.group_size = known(whole_quotient(unpacked.parameters, absmax->elements));
  }
  return unpacked;
}

// weight I8 [out, in], SCB F32 [out].
std::optional<Unpacked> bnb_int8(const PackedTensor& packed) {
  if (packed.tensor.dtype != Dtype::I8) return std::nullopt;
  return by_factor(packed, 1, 8);
}

// NAME_blocks (gpt-oss's own form: NAME.blocks) U8 [E, out, in / 32, 16], NAME_scales U8 [E, out, in / 32].
std::optional<Unpacked> mxfp4_blocks(const PackedTensor& packed) {
  if (packed.tensor.dtype != Dtype::U8 || !is_e8m0(packed.at(Suffix::Scales))) return std::nullopt;
  return by_factor(packed, 2, 4, known(times(columns(packed.tensor), 2)));
}

const Tensor* first_of(const PackedTensor& packed, std::initializer_list<Suffix> suffixes) {
  for (const Suffix suffix : suffixes) {
    if (const Tensor* tensor = packed.at(suffix)) return tensor;
  }
  return nullptr;
}

// weight U32 [.., out, in * bits / 32], scales (Ollama: weight.scale) [.., out, in / group]. Shapes tell bits * group;
// the header or the config splits it.
std::optional<Unpacked> mlx(const PackedTensor& packed) {
  const Tensor* found = first_of(packed, {Suffix::Scales, Suffix::Scale, Suffix::WeightScale});
  if (found == nullptr || packed.tensor.dtype != Dtype::U32) return std::nullopt;
  const Tensor& scales = *found;
  const std::uint64_t product = whole_quotient(times(columns(packed.tensor), kWordBits), columns(scales));
  if (is_one_of(scales.dtype, {Dtype::U8, Dtype::F8_E4M3, Dtype::F8_E8M0})) {
    struct Mode {
      std::string_view scheme;
      std::uint64_t bits, group_size;
    };
    for (const Mode& mode : {Mode{"nvfp4", 4, 16}, Mode{"mxfp4", 4, 32}, Mode{"mxfp8", 8, 32}}) {
      if (mode.bits * mode.group_size != product) continue;
      Unpacked unpacked = by_factor(packed, kWordBits / mode.bits, mode.bits, mode.group_size);
      unpacked.scheme = mode.scheme;
      return unpacked;
    }
  }
  const StatedBits stated = packed.stated();
  // Shapes leave 4 bits in groups of 64 and 8 bits in groups of 32 alike: the stated group first, then the usual ones.
  for (const std::uint64_t group :
       {stated.group_size.value_or(64), std::uint64_t{64}, std::uint64_t{32}, std::uint64_t{128}}) {
    const std::uint64_t bits = whole_quotient(product, group);
    if (!is_packable(bits)) continue;
    Unpacked unpacked = by_bits(packed, bits);
    unpacked.group_size = group;
    unpacked.assumed = !stated.group_size;
    return unpacked;
  }
  return by_bits(packed, 0);
}

// DeepSeek-V4's routed experts: weight I8 [out, in / 2], scale F8_E8M0 [out, in / 32].
std::optional<Unpacked> deepseek_fp4(const PackedTensor& packed) {
  const Tensor& scale = *packed.at(Suffix::Scale);
  if (!is_one_of(packed.tensor.dtype, {Dtype::I8, Dtype::U8, Dtype::F4}) || scale.dtype != Dtype::F8_E8M0)
    return std::nullopt;
  if (packed.tensor.dtype == Dtype::F4) return by_factor(packed, 1, 4, 32);
  if (times(columns(scale), 16) != columns(packed.tensor)) return std::nullopt;
  return by_factor(packed, 2, 4, 32);
}

// weight F8 [out, in] beside a scale per tensor, per row, per 128 x 128 block or, in MXFP8, per 32 columns.
std::optional<Unpacked> fp8(const PackedTensor& packed) {
  if (!is_float8(packed.tensor.dtype)) return std::nullopt;
  Unpacked unpacked = by_factor(packed, 1, 8);
  const Tensor* scale =
      first_of(packed, {Suffix::WeightScaleInv, Suffix::WeightScale, Suffix::Scale, Suffix::ScaleWeight});
  if (scale == nullptr) return unpacked;
  // ComfyUI's scales by blocks may have one dimension more than the weight, of 1: [out, in / group, 1].
  const bool trailing = scale->shape.size() == packed.tensor.shape.size() + 1 && columns(*scale) == 1;
  const std::uint64_t scales = trailing ? rows(*scale) : columns(*scale);
  const std::uint64_t group = whole_quotient(columns(packed.tensor), scales);
  if (scales > 1 && group > 1) unpacked.group_size = group;
  if (is_e8m0(scale) && group == 32) unpacked.scheme = "mxfp8";
  return unpacked;
}

// weight I8 [out, in], weight_scale [out, 1] or [1].
std::optional<Unpacked> int_quantized(const PackedTensor& packed) {
  if (packed.tensor.dtype != Dtype::I8) return std::nullopt;
  return by_factor(packed, 1, 8);
}

// ComfyUI: weight I8 [out, in], or I8 [out, in / 2] in its 4-bit formats; weight_scale (older: scale_weight) [out],
// [out, 1] or [1]. The header tells them apart, or the marker's text, which is tensor data and is not read; without
// the header the shapes around the weight may.
std::optional<Unpacked> comfy_int(const PackedTensor& packed) {
  const bool marked = packed.at(Suffix::ComfyQuant) != nullptr || !packed.header.format.empty();
  const std::uint64_t bits = packed.header.bits().value_or(packed.neighbours_bits.value_or(0));
  const bool comfy = marked || packed.at(Suffix::ScaleWeight) != nullptr || bits == 4;
  if (packed.tensor.dtype != Dtype::I8 || !comfy) return std::nullopt;
  // The formats of 4 bits are younger than the marker.
  if (bits != 4 && bits != 8 && marked) return Unpacked{.parameters = packed.tensor.elements, .unknown = true};
  if (bits != 4) return by_factor(packed, 1, 8);
  Unpacked unpacked = by_factor(packed, 2, 4);
  unpacked.scheme = "int4";
  return unpacked;
}

// ComfyUI: weight U8 [.., out, in / 2] of indices into weight_codebook, weight_s_rel [.., out, in / group],
// weight_s_channel [.., out, 1].
std::optional<Unpacked> comfy_codebook(const PackedTensor& packed) {
  if (!is_one_of(packed.tensor.dtype, {Dtype::U8, Dtype::I8})) return std::nullopt;
  const std::uint64_t in = times(columns(packed.tensor), 2);
  return by_factor(packed, 2, 4, known(whole_quotient(in, columns(*packed.at(Suffix::RelativeScale)))));
}

// Nunchaku: qweight I8 [out, in / 2], wscales [in / group, out]. The low-rank branch beside it (proj_down, proj_up)
// corrects the same weight, so it is overhead.
std::optional<Unpacked> svdquant(const PackedTensor& packed) {
  const Tensor& scales = *packed.at(Suffix::Wscales);
  if (!is_one_of(packed.tensor.dtype, {Dtype::I8, Dtype::U8}) || scales.shape.size() < 2) return std::nullopt;
  return by_factor(packed, 2, 4, known(whole_quotient(times(columns(packed.tensor), 2), rows(scales))));
}

// Nunchaku's 4-bit layers without a low-rank branch: qweight I32 [out / 4, in / 2], wscales and wzeros
// [in / group, out].
std::optional<Unpacked> nunchaku_awq(const PackedTensor& packed) {
  const Tensor& scales = *packed.at(Suffix::Wscales);
  if (packed.tensor.dtype != Dtype::I32 || scales.shape.size() < 2) return std::nullopt;
  return by_factor(packed, 8, 4, known(whole_quotient(times(columns(packed.tensor), 2), rows(scales))));
}

// ModelOpt's int4: weight U8 [out / 2, in], weight_scale [out, in / group].
std::optional<Unpacked> modelopt_int4(const PackedTensor& packed) {
  const Tensor& scale = *packed.at(Suffix::WeightScale);
  if (packed.tensor.dtype != Dtype::U8 || scale.elements == 1 || packed.tensor.shape.size() < 2) return std::nullopt;
  if (packed.config.method == "bitnet") return std::nullopt;
  return by_factor(packed, 2, 4, known(whole_quotient(columns(packed.tensor), columns(scale))));
}

// weight U8 [out / 4, in], weight_scale [1]: four ternary weights a byte.
std::optional<Unpacked> bitnet(const PackedTensor& packed) {
  if (packed.tensor.dtype != Dtype::U8) return std::nullopt;
  return by_factor(packed, 4, 2);
}

// W_q U8 [n / group / k, group] with k values a byte, or I32 with ten 3-bit values a word; scale has one value per
// group.
std::optional<Unpacked> hqq(const PackedTensor& packed) {
  const StatedBits stated = packed.config.of(packed.name);
  const Tensor* scale = packed.at(Suffix::Scale);
  const Tensor& weights = packed.tensor;
  Unpacked unpacked{.bits = stated.bits, .group_size = stated.group_size};
  const std::uint64_t groups = scale != nullptr ? scale->elements : 0;
  if (weights.dtype == Dtype::I32) {
    const std::uint64_t most = times(weights.elements, 10);
    const std::uint64_t exact = times(groups, stated.group_size.value_or(columns(weights)));
    unpacked.parameters = exact != 0 && exact <= most ? exact : most;
    unpacked.bits = 3;
    return unpacked;
  }
  // 5 and 6 bits are stored as 8; k is 1, 2, 4 or 8.
  std::uint64_t per_byte = 0;
  if (stated.bits && is_packable(*stated.bits))
    per_byte = *stated.bits > 4 ? 1 : *stated.bits > 2 ? 2 : 8 / *stated.bits;
  if (per_byte == 0) per_byte = whole_quotient(groups, rows(weights));  // axis 1
  if (per_byte == 0 || per_byte > 8) {
    per_byte = 2;
    unpacked.assumed = true;
  }
  if (!unpacked.bits) unpacked.bits = 8 / per_byte;
  // `view_as_float` stores the bytes as the compute type.
  unpacked.parameters = times(weights.elements, per_byte * width(weights.dtype) / 8);
  return unpacked;
}

// codes I8 or I16 [out / og, in / ig, K], codebooks [K, 2^bits, og, ig].
std::optional<Unpacked> aqlm(const PackedTensor& packed) {
  const Tensor& books = *packed.at(Suffix::Codebooks);
  const auto codes = packed.tensor.shape;
  if (codes.size() != 3 || books.shape.size() != 4) return std::nullopt;
  const std::uint64_t weights_per_code = times(books.shape[2], books.shape[3]);
  Unpacked unpacked{.parameters = times(times(codes[0], codes[1]), weights_per_code)};
  std::uint64_t index_bits = 0;
  while (index_bits < 63 && (std::uint64_t{1} << index_bits) < books.shape[1]) ++index_bits;
  unpacked.bits = known(whole_quotient(times(codes[2], index_bits), weights_per_code));
  unpacked.group_size = known(weights_per_code);
  return unpacked;
}

// Qidxs I64 [out, in / (8 * packsz)], SU F16 [in], SV F16 [out].
std::optional<Unpacked> quip(const PackedTensor& packed) {
  const Tensor* in = packed.at(Suffix::InSigns);
  const Tensor* out = packed.at(Suffix::OutSigns);
  if (in == nullptr || out == nullptr) return std::nullopt;
  Unpacked unpacked{.parameters = times(in->elements, out->elements)};
  if (unpacked.parameters != 0) {
    unpacked.bits = known(scaled(packed.tensor.elements, width(packed.tensor.dtype), unpacked.parameters));
  }
  return unpacked;
}

// indices [books, out / v, ...]: in and out stand in the config only.
std::optional<Unpacked> vptq(const PackedTensor& packed) {
  const nlohmann::json* layers =
      packed.config.section != nullptr ? member(*packed.config.section, "config_for_layers") : nullptr;
  if (layers == nullptr || !layers->is_object()) return std::nullopt;
  const auto layer = layers->find(packed.name);
  if (layer == layers->end()) return std::nullopt;
  const nlohmann::json* in = member(*layer, "in_features");
  const nlohmann::json* out = member(*layer, "out_features");
  if (in == nullptr || out == nullptr) return std::nullopt;
  return Unpacked{.parameters = times(unsigned_value(*in).value_or(0), unsigned_value(*out).value_or(0))};
}

// _weight_qdata: the header's metadata names the class; without it, the element type and the scales decide.
std::optional<Unpacked> torchao(const PackedTensor& packed) {
  const Tensor& data = packed.tensor;
  const Tensor* scale = packed.at(Suffix::TorchaoScale);
  if (is_float8(data.dtype)) return by_factor(packed, 1, 8);
  if (data.dtype == Dtype::I32) return by_factor(packed, 8, 4);
  if (!is_one_of(data.dtype, {Dtype::I8, Dtype::U8})) return std::nullopt;
  // Int4Tensor: [out, in / 2] beside scales [in / group, out].
  const bool int4_scales = scale != nullptr && scale->shape.size() == 2 && rows(*scale) > 1 &&
                           columns(*scale) == rows(data) && rows(*scale) != rows(data);
  const bool four_bits =
      packed.header.torchao_type.empty()
          ? data.dtype == Dtype::U8 || int4_scales
          : !packed.header.torchao_type.starts_with("Int8") && packed.header.torchao_type != "IntxUnpackedToInt8Tensor";
  return four_bits ? by_factor(packed, 2, 4) : by_factor(packed, 1, 8);
}

// weight._data I8 or F8 [out, in]; weight._data._data U8 with 2 or 4 weights a byte.
std::optional<Unpacked> quanto(const PackedTensor& packed) {
  if (packed.tensor.dtype != Dtype::U8) return by_factor(packed, 1, 8);
  return by_bits(packed, 0);
}

// I32 [in / 16, out * 2], 4 bits.
std::optional<Unpacked> marlin(const PackedTensor& packed) {
  if (packed.tensor.dtype != Dtype::I32) return std::nullopt;
  return by_factor(packed, 8, 4);
}

// compressed holds the weights that are not zero, bitmask U8 one bit for each weight.
std::optional<Unpacked> sparse_bitmask(const PackedTensor& packed) {
  const Tensor& mask = *packed.at(Suffix::Bitmask);
  if (mask.dtype != Dtype::U8) return std::nullopt;
  return Unpacked{.parameters = times(mask.elements, 8)};
}

// GGUF: NVFP4 weights have their last scale in a tensor of its own, BitNet's ternary ones their only scale. Gemma 4 has
// a learned one beside its experts, of as many values as experts.
std::optional<Unpacked> gguf_scale(const PackedTensor& packed) {
  const bool block = info(packed.tensor.dtype).block_elements > 1;
  if (packed.tensor.dtype != Dtype::NVFP4 && !(block && packed.at(Suffix::Scale)->elements == 1)) return std::nullopt;
  return Unpacked{.parameters = packed.tensor.elements};
}

constexpr SuffixMask kFp8Scales =
    bit(Suffix::WeightScaleInv) | bit(Suffix::WeightScale) | bit(Suffix::Scale) | bit(Suffix::ScaleWeight);
constexpr SuffixMask kMlxScales = bit(Suffix::Scales) | bit(Suffix::Scale) | bit(Suffix::WeightScale);

constexpr auto kSchemes = std::to_array<Scheme>({
    {"exl3", Suffix::Trellis, bit(Suffix::Trellis), exl3},
    {"exl2", Suffix::Exl2Weight, bit(Suffix::Exl2Invperm), exl2},
    {"compressed-tensors", Suffix::WeightPacked, bit(Suffix::Meta), marlin_24},
    {"compressed-tensors", Suffix::WeightPacked, bit(Suffix::WeightScale), pack_quantized},
    {"nvfp4", Suffix::WeightPacked, bit(Suffix::WeightScale), nvfp4},
    {"mxfp4", Suffix::WeightPacked, bit(Suffix::WeightScale), mxfp4},
    {"eetq", Suffix::Qweight, bit(Suffix::WeightScales), eetq},
    {"svdquant", Suffix::Qweight, bit(Suffix::Wscales), svdquant},
    {"awq", Suffix::Qweight, bit(Suffix::Wscales), nunchaku_awq},
    {"gptq", Suffix::Qweight, bit(Suffix::Scales), gptq},
    {"awq", Suffix::Qweight, bit(Suffix::Scales), awq},
    {"gptq", Suffix::MarlinB, bit(Suffix::MarlinS), marlin},
    {"bnb-nf4", Suffix::Weight, bit(Suffix::BnbNf4), bnb_4bit},
    {"bnb-fp4", Suffix::Weight, bit(Suffix::BnbFp4), bnb_4bit},
    {"bnb-int8", Suffix::Weight, bit(Suffix::Scb), bnb_int8},
    {"mxfp4", Suffix::Blocks, bit(Suffix::Scales), mxfp4_blocks},
    {"mlx-affine", Suffix::Weight, kMlxScales, mlx},
    {"nvfp4", Suffix::Weight, bit(Suffix::WeightScale), nvfp4},
    {"mxfp4", Suffix::Weight, bit(Suffix::WeightScale), mxfp4},
    {"mxfp4", Suffix::Weight, bit(Suffix::Scale), deepseek_fp4},
    {"fp8", Suffix::Weight, kFp8Scales, fp8},
    {"int4", Suffix::Weight, bit(Suffix::RelativeScale), comfy_codebook},
    {"int8", Suffix::Weight, bit(Suffix::WeightScale) | bit(Suffix::ScaleWeight), comfy_int},
    {"compressed-tensors", Suffix::Weight, bit(Suffix::WeightScale), int_quantized},
    {"eetq", Suffix::Weight, bit(Suffix::WeightScales), eetq},
    {"modelopt-int4", Suffix::Weight, bit(Suffix::WeightScale), modelopt_int4},
    {"bitnet", Suffix::Weight, bit(Suffix::WeightScale), bitnet},
    {"hqq", Suffix::HqqWeight, bit(Suffix::HqqWeight), hqq},
    {"aqlm", Suffix::Codes, bit(Suffix::Codebooks), aqlm},
    {"quip", Suffix::Qidxs, bit(Suffix::Qidxs), quip},
    {"vptq", Suffix::Indices, bit(Suffix::Centroids), vptq},
    {"torchao", Suffix::TorchaoData, bit(Suffix::TorchaoData), torchao},
    {"quanto", Suffix::QuantoData, bit(Suffix::QuantoData), quanto},
    {"compressed-tensors", Suffix::Compressed, bit(Suffix::Bitmask), sparse_bitmask},
    {"gguf", Suffix::Weight, bit(Suffix::Scale), gguf_scale},
});

}  // namespace

std::span<const Scheme> schemes() { return kSchemes; }

StatedBits PackedTensor::stated() const {
  StatedBits bits = config.of(name);
  if (const auto own = header.bits()) bits.bits = own;
  if (header.group_size) bits.group_size = header.group_size;
  return bits;
}

}  // namespace weigh::core
