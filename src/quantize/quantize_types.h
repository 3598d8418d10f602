#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/model/model.h"
#include "src/quantize/convert_to_gguf.h"

namespace weigh::core {

/// The file types that llama.cpp's quantizer can make today, by their number in general.file_type.
enum class Ftype : std::uint8_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q8_0 = 7,
  Q5_0 = 8,
  Q5_1 = 9,
  Q2_K = 10,
  Q3_K_S = 11,
  Q3_K_M = 12,
  Q3_K_L = 13,
  Q4_K_S = 14,
  Q4_K_M = 15,
  Q5_K_S = 16,
  Q5_K_M = 17,
  Q6_K = 18,
  IQ2_XXS = 19,
  IQ2_XS = 20,
  Q2_K_S = 21,
  IQ3_XS = 22,
  IQ3_XXS = 23,
  IQ1_S = 24,
  IQ4_NL = 25,
  IQ3_S = 26,
  IQ3_M = 27,
  IQ2_S = 28,
  IQ2_M = 29,
  IQ4_XS = 30,
  IQ1_M = 31,
  BF16 = 32,
  TQ1_0 = 36,
  TQ2_0 = 37,
  MXFP4_MOE = 38,
  Q1_0 = 40,
  Q2_0 = 41,
};

/// One row of the table of file types.
struct QuantizerType {
  Ftype ftype;
  std::string_view name;   ///< as the quantizer's command line spells it
  std::string_view alias;  ///< another spelling, or empty
  Dtype default_dtype;     ///< of every tensor that no rule gives another
};

/// Every row, from the largest default type to the smallest.
std::span<const QuantizerType> quantizer_types();

/// The names of those that people publish and download, the largest first. The others are made too, and found nowhere.
std::span<const std::string_view> published_types();

/// By name or alias in any letter case; null when there is none.
const QuantizerType* find_quantizer_type(std::string_view name);

/// Files keep the types that the quantizer of their day chose.
enum class QuantizerRules : std::uint8_t {
  Today,      ///< August 2026
  Until2026,  ///< before March 2026: fused queries, keys and values had a rule of their own
  Until2024,  ///< before January 2024: no rule for the output of 8 experts, and single experts had none at all
  Pure,       ///< --pure, of any day: the default type throughout
};

/// One way to quantize a model.
struct QuantizerRun {
  Ftype target = Ftype::F16;
  bool imatrix = false;
  QuantizerRules rules = QuantizerRules::Today;
};

/// What a tensor is to the rules, by its name. Fused holds queries, keys and values in one: since 2026 it is a Value.
enum class Matrix : std::uint8_t { Value, Fused, Key, Query, Output, Up, Gate, Down, Other };

/// What the rules ask of each tensor, whatever the type: found once for several runs.
struct QuantizerWalk {
  std::vector<std::size_t> order;    ///< by block, then by name: the order in which the counters run
  std::vector<std::int64_t> blocks;  ///< N of "blk.N.", -1 for every other name
  std::vector<Matrix> matrices;      ///< as of today
  std::vector<bool> quantized;       ///< false for norms, biases, routers and the like, which keep their types
  std::uint64_t values = 0;          ///< tensors that hold values, in the whole file
  bool tied = true;                  ///< no head of its own
};
QuantizerWalk quantizer_walk(const GgufPlan& plan);

/// The type of each tensor of the plan, in the plan's order.
std::vector<Dtype> predict_types(const GgufPlan& plan, const QuantizerWalk& walk, const QuantizerRun& run);

/// Which type the quantizer gives each tensor of the plan, in the plan's order: the rules of llama.cpp in August 2026.
/// A type whose blocks do not divide the tensor's rows means that the quantizer stops there.
std::vector<Dtype> predict_types(const GgufPlan& plan, Ftype target, bool imatrix = false);

/// The first tensor, in the plan's order, that the quantizer makes only with an importance matrix; null when there is
/// none.
const PlannedTensor* needs_imatrix(const GgufPlan& plan, std::span<const Dtype> types, Ftype target);

/// The same model where the quantizer has an importance matrix and chooses otherwise for it.
struct ImatrixSize {
  std::uint64_t tensor_bytes = 0;
  std::uint64_t file_bytes = 0;  ///< without the keys that name the matrix
};

/// What a model would weigh as a GGUF of another type. Bytes are exact but for the keys in the header where a remark
/// says so.
struct QuantizedSize {
  std::string type;                    ///< as in quantizer_types()
  std::uint64_t tensor_bytes = 0;      ///< sum over tensors
  std::uint64_t padding_bytes = 0;     ///< between them, up to multiples of 32
  std::uint64_t file_bytes = 0;        ///< header, tensors and padding
  std::vector<DtypeTotals> by_dtype;   ///< largest in bytes first; parameters are elements
  std::optional<std::string> refusal;  ///< why the quantizer stops as things are, a sentence; the figures hold without
  std::vector<std::string> remarks;    ///< what the figures rest on, sentences
  std::optional<ImatrixSize> with_imatrix = {};  ///< absent where it changes nothing and where it is a must
};

/// Throws UsageError for a type that the quantizer does not know.
QuantizedSize predict(const Model& model, std::string_view type);

/// Likewise from a plan, for those who ask for many types.
QuantizedSize predict(const GgufPlan& plan, const QuantizerType& type);

}  // namespace weigh::core
