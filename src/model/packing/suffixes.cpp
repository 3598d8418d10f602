#include <algorithm>
#include <array>

#include "src/model/naming/tensor_name.h"
#include "src/model/packing/schemes.h"

namespace weigh::core {

namespace {

struct SuffixRow {
  std::string_view part;  // the part of the name behind the last dot
  Suffix suffix;
};

// Sorted by `part`, for a binary search.
constexpr auto kParts = std::to_array<SuffixRow>({
    {"B", Suffix::MarlinB},
    {"Qidxs", Suffix::Qidxs},
    {"SCB", Suffix::Scb},
    {"SU", Suffix::InSigns},
    {"SV", Suffix::OutSigns},
    {"W_q", Suffix::HqqWeight},
    {"Wscale", Suffix::State},
    {"_data", Suffix::QuantoData},
    {"_scale", Suffix::Overhead},
    {"_shift", Suffix::Overhead},
    {"_weight_act_per_tensor_scale", Suffix::TorchaoScale},
    {"_weight_act_pre_scale", Suffix::TorchaoScale},
    {"_weight_per_tensor_scale", Suffix::Overhead},
    {"_weight_qdata", Suffix::TorchaoData},
    {"_weight_scale", Suffix::TorchaoScale},
    {"_weight_scale_and_zero", Suffix::Overhead},
    {"_weight_zero_point", Suffix::Overhead},
    {"absmax", Suffix::Absmax},
    {"activation_scale", Suffix::Overhead},
    {"axis", Suffix::State},
    {"bias", Suffix::Bias},
    {"biases", Suffix::Biases},
    {"bitmask", Suffix::Bitmask},
    {"bitsandbytes__fp4", Suffix::BnbFp4},
    {"bitsandbytes__nf4", Suffix::BnbNf4},
    {"blocks", Suffix::Blocks},
    {"channel_wise", Suffix::State},
    {"codebook_id", Suffix::State},
    {"codebooks", Suffix::Codebooks},
    {"codes", Suffix::Codes},
    {"comfy_quant", Suffix::ComfyQuant},
    {"compressed", Suffix::Compressed},
    {"compute_dtype", Suffix::State},
    {"encoded_state_dict", Suffix::State},
    {"fuse_scales", Suffix::State},
    {"g_idx", Suffix::GIdx},
    {"global_scale", Suffix::State},
    {"group_size", Suffix::State},
    {"indices", Suffix::Indices},
    {"input_global_scale", Suffix::Overhead},
    {"input_scale", Suffix::Overhead},
    {"input_scale_ub", Suffix::Overhead},
    {"input_zero_point", Suffix::Overhead},
    {"k_scale", Suffix::Overhead},
    {"lora_down", Suffix::State},
    {"lora_up", Suffix::State},
    {"mcg", Suffix::State},
    {"meta", Suffix::Meta},
    {"mul1", Suffix::State},
    {"nbits", Suffix::State},
    {"nested_absmax", Suffix::Overhead},
    {"nested_quant_map", Suffix::Overhead},
    {"offload_meta", Suffix::State},
    {"optimize", Suffix::State},
    {"outlier_indices", Suffix::State},
    {"output_scale", Suffix::Overhead},
    {"output_zero_point", Suffix::Overhead},
    {"packing", Suffix::State},
    {"perm", Suffix::State},
    {"pre_quant_scale", Suffix::Overhead},
    {"proj_down", Suffix::State},
    {"proj_up", Suffix::State},
    {"q_groups", Suffix::State},
    {"q_invperm", Suffix::Exl2Invperm},
    {"q_scale", Suffix::Overhead},
    {"q_scale_max", Suffix::Overhead},
    {"q_weight", Suffix::Exl2Weight},
    {"qscale_act", Suffix::Overhead},
    {"qscale_weight", Suffix::WeightScale},
    {"quant_map", Suffix::Overhead},
    {"quant_scale", Suffix::State},
    {"quant_zero", Suffix::State},
    {"qweight", Suffix::Qweight},
    {"qzeros", Suffix::Qzeros},
    {"res_indices", Suffix::State},
    {"round_zero", Suffix::State},
    {"row_offsets", Suffix::State},
    {"s", Suffix::MarlinS},
    {"scale", Suffix::Scale},
    {"scale_input", Suffix::State},
    {"scale_packed", Suffix::State},
    {"scale_weight", Suffix::ScaleWeight},
    {"scaled_fp8", Suffix::Overhead},
    {"scaled_zeros", Suffix::Qzeros},
    {"scales", Suffix::Scales},
    {"shape", Suffix::State},
    {"smooth", Suffix::State},
    {"smooth_factor", Suffix::State},
    {"smooth_factor_orig", Suffix::State},
    {"smooth_orig", Suffix::State},
    {"stores_quant_config", Suffix::State},
    {"su", Suffix::State},
    {"suh", Suffix::State},
    {"sv", Suffix::State},
    {"svdquant_lora_a", Suffix::Overhead},
    {"svdquant_lora_b", Suffix::Overhead},
    {"svh", Suffix::State},
    {"trellis", Suffix::Trellis},
    {"unpack_view_dtype", Suffix::State},
    {"v_scale", Suffix::Overhead},
    {"view_as_float", Suffix::State},
    {"wcscales", Suffix::Overhead},
    {"weight", Suffix::Weight},
    {"weight_bias", Suffix::State},
    {"weight_codebook", Suffix::Overhead},
    {"weight_format", Suffix::Overhead},
    {"weight_g_idx", Suffix::Overhead},
    {"weight_global_scale", Suffix::Overhead},
    {"weight_packed", Suffix::WeightPacked},
    {"weight_qbias", Suffix::Overhead},
    {"weight_s_channel", Suffix::Overhead},
    {"weight_s_rel", Suffix::RelativeScale},
    {"weight_scale", Suffix::WeightScale},
    {"weight_scale_2", Suffix::Overhead},
    {"weight_scale_inv", Suffix::WeightScaleInv},
    {"weight_scales", Suffix::WeightScales},
    {"weight_shape", Suffix::Overhead},
    {"weight_zero_point", Suffix::Overhead},
    {"wscales", Suffix::Wscales},
    {"wtscale", Suffix::Overhead},
    {"wzeros", Suffix::Overhead},
    {"zero", Suffix::State},
});
static_assert(std::ranges::is_sorted(kParts, {}, &SuffixRow::part));

// Stacked experts have no module of their own: the matrix is "experts.down_proj" and its companions go by an
// underscore. Longest first.
constexpr auto kUnderscored = std::to_array<SuffixRow>({
    {"_activation_scale", Suffix::Overhead},
    {"_weight_scale_2", Suffix::Overhead},
    {"_weight_scale", Suffix::WeightScale},
    {"_input_scale", Suffix::Overhead},
    {"_scales_inv", Suffix::WeightScaleInv},
    {"_scale_inv", Suffix::WeightScaleInv},
    {"_scales", Suffix::Scales},
    {"_blocks", Suffix::Blocks},
    {"_scale", Suffix::Scale},
});

bool drop_end(std::string_view& text, std::string_view end) {
  if (!text.ends_with(end)) return false;
  text.remove_suffix(end.size());
  return true;
}

// What stands between the module and the last part: "a.weight.quant_state.bitsandbytes__nf4", "a.weight._data._data".
std::string_view module_above(std::string_view above, Suffix suffix) {
  switch (suffix) {
    case Suffix::BnbNf4:
    case Suffix::BnbFp4: drop_end(above, ".quant_state"); break;
    case Suffix::QuantoData: drop_end(above, "._data"); break;
    default: break;
  }
  drop_end(above, ".weight");
  return above;
}

}  // namespace

SplitName split_name(std::string_view name) {
  const std::string_view last = last_part(name);
  const std::string_view above = name.substr(0, name.size() - last.size() - (last.size() < name.size() ? 1 : 0));
  if (last == "weight") {
    // VPTQ's codebooks are modules of their own.
    std::string_view owner = above;
    if (drop_end(owner, ".res_centroids") || drop_end(owner, ".outlier_centroids")) return {owner, Suffix::State};
    if (drop_end(owner, ".centroids")) return {owner, Suffix::Centroids};
    return {above, Suffix::Weight};
  }
  // Ollama's blobs keep a weight's own scales and zero points below its name: "a.weight.scale", "a.weight.bias".
  if (last == "bias" && above.ends_with(".weight")) return {module_above(above, Suffix::Biases), Suffix::Biases};
  const auto row = std::ranges::lower_bound(kParts, last, {}, &SuffixRow::part);
  if (row != kParts.end() && row->part == last) return {module_above(above, row->suffix), row->suffix};
  for (const SuffixRow& end : kUnderscored) {
    if (last.size() > end.part.size() && last.ends_with(end.part)) {
      return {name.substr(0, name.size() - end.part.size()), end.suffix};
    }
  }
  return {name, Suffix::Weight};
}

bool always_overhead(Suffix suffix) {
  constexpr SuffixMask kAlways = bit(Suffix::Overhead) | bit(Suffix::Qzeros) | bit(Suffix::GIdx) |
                                 bit(Suffix::WeightScale) | bit(Suffix::WeightScaleInv) | bit(Suffix::Scb) |
                                 bit(Suffix::BnbNf4) | bit(Suffix::BnbFp4) | bit(Suffix::Absmax) |
                                 bit(Suffix::WeightScales) | bit(Suffix::TorchaoScale) | bit(Suffix::ComfyQuant) |
                                 bit(Suffix::RelativeScale) | bit(Suffix::Wscales);
  return (kAlways & bit(suffix)) != 0;
}

}  // namespace weigh::core
