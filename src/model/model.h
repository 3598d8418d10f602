#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/checkpoint/checkpoint.h"
#include "src/model/names.h"

namespace weigh {

/// What the files state; absent where they do not. Per-layer values that differ are in the vectors.
struct Architecture {
  std::optional<std::string> name;  ///< general.architecture, or config.json's model_type
  std::optional<std::uint64_t> layers;
  std::optional<std::uint64_t> context_length;
  std::optional<std::uint64_t> embedding_length;
  std::optional<std::uint64_t> heads;     ///< of the layers that have attention, when they agree; else the largest
  std::optional<std::uint64_t> kv_heads;  ///< likewise
  std::optional<std::uint64_t> vocab_size;
  std::vector<std::uint64_t> kv_heads_per_layer;  ///< filled only where layers differ
};

/// What one element type adds to the whole.
struct DtypeTotals {
  std::string dtype;
  std::uint64_t tensors = 0;
  std::uint64_t elements = 0;
  std::uint64_t parameters = 0;
  std::uint64_t bytes = 0;
};

/// Mixture of experts. Counts are per layer (see contract.md, "JSON").
struct Experts {
  std::uint64_t count = 0;                         ///< of the layers that have experts; the largest where they differ
  std::optional<std::uint64_t> used;               ///< per token; absent when no file says so: it is in no shape
  std::uint64_t shared = 0;                        ///< always-active experts per layer
  std::uint64_t layers = 0;                        ///< layers with routed experts
  std::uint64_t parameters = 0;                    ///< routed, all layers
  std::optional<std::uint64_t> active_parameters;  ///< routed, that work on one token
  std::uint64_t bytes = 0;                         ///< routed, quantisation overhead included
};

struct Quantization {
  std::string scheme;  ///< gptq, awq, bnb-nf4, bnb-int8, fp8, compressed-tensors, mxfp4, nvfp4, mlx-affine, ...
  std::optional<std::uint64_t> bits;
  std::optional<std::uint64_t> group_size;
};

/// What we know of one tensor beyond its header entry. Parallel to the files' tensors, file after file.
struct TensorFacts {
  std::uint64_t parameters = 0;  ///< logical: unpacked weights; 0 for quantisation overhead
  std::int32_t layer = -1;       ///< block number within its stack, -1 outside of blocks
  Stack stack =
      Stack::None;  ///< which series of blocks: the language model's own is Main, or Decoder where there are two
  bool routed_expert = false;  ///< belongs to the routed experts (quantisation overhead of theirs included)
};

/// One model: its checkpoint and what its tensors are. Without files (`weigh estimate --params`) the checkpoint is
/// empty.
struct Model {
  Checkpoint checkpoint;
  std::vector<TensorFacts> tensors;  ///< file 0's tensors, then file 1's, ...
  Architecture architecture;
  std::uint64_t total_parameters = 0;
  std::optional<std::uint64_t> active_parameters;  ///< absent when it is not known how many experts work per token
  std::uint64_t weight_bytes = 0;
  std::uint64_t padding_bytes = 0;
  std::vector<DtypeTotals> by_dtype;  ///< largest in bytes first
  std::optional<Experts> experts;
  std::optional<Quantization> quantization;
  std::vector<Finding> findings;  ///< of the files, the checkpoint and the model, errors first

  [[nodiscard]] std::uint64_t tensor_count() const;
  [[nodiscard]] std::uint64_t file_bytes() const;
  [[nodiscard]] std::uint64_t header_bytes() const;
  /// 8 * bytes / parameters; nothing without parameters.
  [[nodiscard]] std::optional<double> bits_per_weight() const;
};

/// Says what a checkpoint's tensors are. Never throws for odd input; what is odd becomes a finding.
Model describe(Checkpoint checkpoint);

/// A model of `parameters` in a plain type of `bits_per_parameter`, with no file behind it.
Model imagine(std::uint64_t parameters, std::string_view dtype, std::uint64_t bits_per_parameter);

}  // namespace weigh
