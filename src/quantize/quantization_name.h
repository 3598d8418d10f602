#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/model/model.h"
#include "src/quantize/followed_plan.h"

namespace weigh::core {

/// A model's quantization as reports have it.
struct NamedQuantization {
  std::string scheme;  ///< of a GGUF its file type, "Q4_K_M", or the type of most weights; else as in Quantization
  std::string name;  ///< as people say it: "Q4_K_M", "Q4_K_M, 3 tensors otherwise", "says F16, is Q4_K_M", "AWQ 4-bit"
  std::optional<std::uint64_t> bits;        ///< of a weight, without scales; of a GGUF those in the type's name
  std::optional<std::uint64_t> group_size;  ///< absent for a GGUF, whose blocks differ
};

/// Nothing for a safetensors checkpoint that is not quantized and for a GGUF without weights.
std::optional<NamedQuantization> named_quantization(const Model& model);

/// The name of it, and of what is not quantized its element type: "BF16". Empty where there is neither.
std::string quantization_title(const Model& model);

/// Likewise where `named` is known already.
std::string quantization_title(const Model& model, const std::optional<NamedQuantization>& named);

/// What the tensors of a GGUF are, whatever it states of itself: "Q4_K_M, 3 tensors otherwise", "mostly F16".
std::string found_title(const FollowedPlan& found);

/// "GPTQ 4-bit" of "gptq" and 4; a scheme that has no row is its own name.
std::string scheme_title(std::string_view scheme, std::optional<std::uint64_t> bits);

/// How an element type is called where it stands for a whole model: "FP8" of "F8_E4M3", most as they are.
std::string_view dtype_title(std::string_view dtype);

}  // namespace weigh::core
