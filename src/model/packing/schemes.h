#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "formats/tensor.h"
#include "src/model/packing/header_statements.h"
#include "src/model/packing/quantization_config.h"

namespace weigh::core {

/// What a tensor is to its module, by the end of its name. Each of them is one bit of a module's mask.
enum class Suffix : std::uint8_t {
  Weight,    ///< ".weight", and every name that no other row of the table of suffixes knows
  Bias,      ///< a parameter in every scheme
  Overhead,  ///< a scale, zero point or state that no scheme needs to know apart; never a parameter
  State,     ///< likewise, but the name is common: it counts as a parameter outside of quantized modules
  Qweight,
  Qzeros,
  Scales,
  GIdx,
  WeightPacked,
  WeightScale,
  WeightScaleInv,
  Scale,
  Biases,
  Scb,
  BnbNf4,
  BnbFp4,
  Absmax,
  MarlinB,
  MarlinS,
  Meta,
  Compressed,
  Bitmask,
  HqqWeight,
  WeightScales,
  Codes,
  Codebooks,
  Qidxs,
  InSigns,
  OutSigns,
  Indices,
  Centroids,
  Trellis,
  Exl2Weight,
  Exl2Invperm,
  QuantoData,
  TorchaoData,
  TorchaoScale,
  Blocks,
  ScaleWeight,  ///< ComfyUI's older name of a weight's scale; a learned parameter in other models
  ComfyQuant,   ///< ComfyUI's marker: JSON text as bytes
  RelativeScale,
  Wscales,
  Count,
};
static_assert(static_cast<int>(Suffix::Count) <= 64);

using SuffixMask = std::uint64_t;
constexpr SuffixMask bit(Suffix suffix) { return SuffixMask{1} << static_cast<unsigned>(suffix); }

/// A name cut in two: "a.b.qweight" is module "a.b" and Qweight, "a.b.weight.absmax" module "a.b" and Absmax.
struct SplitName {
  std::string_view module;
  Suffix suffix = Suffix::Weight;
};
SplitName split_name(std::string_view name);

/// Whether a tensor of that suffix is never a parameter, even where the weight it belongs to is missing.
bool always_overhead(Suffix suffix);

/// The tensors of one module, by suffix.
using ModuleTensors = std::array<const Tensor*, static_cast<std::size_t>(Suffix::Count)>;

/// One packed tensor with all that may tell what is in it.
struct PackedTensor {
  const Tensor& tensor;
  const ModuleTensors& module;
  std::string_view name;          ///< of the module
  const HeaderStatement& header;  ///< what the file's header says of the module
  const QuantizationConfig& config;
  std::optional<std::uint64_t> neighbours_bits = {};  ///< what the shapes around it tell of an I8 weight's width

  [[nodiscard]] const Tensor* at(Suffix suffix) const { return module[static_cast<std::size_t>(suffix)]; }
  /// The header's own word, else the config's.
  [[nodiscard]] StatedBits stated() const;
};

/// What a packed tensor holds.
struct Unpacked {
  std::uint64_t parameters = 0;
  std::optional<std::uint64_t> bits = {};
  std::optional<std::uint64_t> group_size = {};
  std::string_view scheme = {};  ///< where the row covers several; else the row's name
  bool assumed = false;          ///< neither shapes nor config told the bits
  bool unknown = false;          ///< nothing did, and `parameters` are stored elements
};

/// One quantization scheme: how to know it and how many weights a packed tensor of it holds. The first row that fits
/// wins; `unpack` has the last word, from the shapes.
struct Scheme {
  std::string_view name;  ///< as JSON reports have it
  Suffix packed;          ///< the tensor that holds the weights
  SuffixMask signs;       ///< companions, one of which must be there
  std::optional<Unpacked> (*unpack)(const PackedTensor&);
};

std::span<const Scheme> schemes();

}  // namespace weigh::core
