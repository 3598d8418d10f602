#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/model/model.h"

namespace weigh::core {

/// One tensor of a GGUF that could be written.
struct PlannedTensor {
  std::string name;
  Dtype dtype = Dtype::F16;          ///< before quantization
  std::vector<std::uint64_t> shape;  ///< outermost dimension first
};

/// A model as llama.cpp's quantizer would be given it: all that its rules look at, and what the file is made of.
struct GgufPlan {
  std::string architecture;     ///< GGUF's name of it
  std::uint64_t layers = 0;     ///< blocks, those for further tokens included
  std::uint64_t nextn = 0;      ///< blocks that predict further tokens
  std::uint64_t heads = 0;      ///< of layer 0
  std::uint64_t kv_heads = 0;   ///< of layer 0
  std::uint64_t experts = 0;    ///< per layer, 0 for a dense model
  std::uint64_t key_bytes = 0;  ///< what the keys take in the header
  bool estimated_keys = false;  ///< no file says them: a checkpoint keeps its vocabulary elsewhere
  std::vector<PlannedTensor> tensors;
  std::vector<std::string> remarks;  ///< what had to be assumed
};

/// A GGUF as it lies there, or what llama.cpp's converter would write for a checkpoint.
GgufPlan plan_gguf(const Model& model);

/// The second of these, for a safetensors checkpoint.
GgufPlan plan_conversion(const Model& model);

/// Where a module of a checkpoint goes. In `from` the block's prefix is gone and a number inside (of an expert) is "#".
enum class Change : std::uint8_t {
  None,
  Stack,            ///< the tensors of all numbers become one, outermost dimension first
  Halves,           ///< gate and up are in one tensor: `to` has "gate" in it, its twin "up"
  HeadParts,        ///< kv_b of multi-head latent attention: per head a part of keys and one of values
  QueryKeyValue,    ///< rows of queries, keys and values that are stored apart
  LinearAttention,  ///< rows of queries, keys and values that stay together, and of a gate
  FlatExperts,      ///< experts lie below each other in two dimensions
  FlatDown,         ///< likewise, and each is turned
};

struct NameRow {
  std::string_view from;
  std::string_view to;
  Change change = Change::None;
};

/// Modules inside of a block, and outside of blocks. The first row that fits wins.
std::span<const NameRow> block_names();
std::span<const NameRow> outer_names();

/// GGUF's name of the architecture that a config.json calls `model_type`; empty when none is known.
std::string_view gguf_architecture(std::string_view model_type);

}  // namespace weigh::core
