#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/checkpoint/checkpoint.h"
#include "src/model/naming/roles.h"
#include "src/model/naming/tensor_name.h"

namespace weigh::core {

/// What the files state; absent where they do not. Per-layer values that differ are in the vectors.
struct Architecture {
  std::optional<std::string> name;  ///< general.architecture, or config.json's model_type
  std::optional<std::uint64_t> layers;
  std::optional<std::uint64_t> context_length;
  std::optional<std::uint64_t> embedding_length;
  std::optional<std::uint64_t> heads;     ///< of the layers that have attention, when they agree; else the largest
  std::optional<std::uint64_t> kv_heads;  ///< likewise
  std::optional<std::uint64_t> vocab_size;
  std::vector<std::uint64_t> kv_heads_per_layer;  ///< filled only where layers differ; 0 means no attention

  std::optional<std::uint64_t> head_size_k;  ///< of an expanded head; where nothing is stated, embedding / heads
  std::optional<std::uint64_t> head_size_v;
  std::optional<std::uint64_t> feed_forward_length;  ///< of a dense layer, the largest where they differ
  std::optional<std::uint64_t> expert_feed_forward_length;
  std::optional<std::uint64_t> sliding_window;           ///< in tokens; absent where every layer sees everything
  std::optional<std::uint64_t> sliding_window_pattern;   ///< n: of every n layers one sees everything
  std::optional<std::uint64_t> sliding_layers;           ///< how many layers slide, where that is stated layer by layer
  std::optional<std::uint64_t> original_context_length;  ///< before rope scaling
  std::optional<std::string> rope_scaling;               ///< "yarn", "linear", ...
  std::optional<double> rope_base;
  std::optional<std::uint64_t> prediction_layers;  ///< as stated; a GGUF's `layers` include them, a config's do not
  std::optional<bool> tied_embeddings;             ///< absent where there is no token embedding to tie
  std::optional<std::string> tokenizer;  ///< "gpt2 (llama-bpe)", or the class that tokenizer_config.json names
  bool chat_template = false;            ///< one is stored
  std::optional<std::string> license;
  std::optional<std::string> base_model;
};

/// An adapter, which is not a model by itself.
struct AdapterFacts {
  std::optional<std::uint64_t> rank;  ///< as stated, else by the shapes
  std::optional<double> alpha;
  std::vector<std::string> target_modules;  ///< as stated, else by the names; sorted
};

/// What stands between images or sound and a language model: an mmproj file, or the projector of a checkpoint.
struct ProjectorFacts {
  std::optional<std::string> type;
  std::optional<std::uint64_t> image_size;  ///< in pixels, of one side
  std::optional<std::uint64_t> patch_size;
  std::optional<std::uint64_t> projection_length;  ///< the width of the language model it is made for
};

/// What one element type adds to the whole.
struct DtypeTotals {
  std::string dtype;
  std::uint64_t tensors = 0;
  std::uint64_t elements = 0;
  std::uint64_t parameters = 0;
  std::uint64_t bytes = 0;
  bool parameters_known = true;  ///< false: `parameters` are stored elements, each of which may hold several
};

/// What one role adds to the whole.
struct RoleTotals {
  Role role = Role::Other;
  std::uint64_t tensors = 0;
  std::uint64_t parameters = 0;
  std::uint64_t bytes = 0;
  bool parameters_known = true;  ///< false: `parameters` are stored elements, each of which may hold several
};

/// A block of layers: "model.layers.3". Its name is a view into the checkpoint.
struct Block {
  std::string_view name;  ///< up to and including the number; empty for what is outside of blocks
  Stack stack = Stack::None;
  std::int32_t layer = -1;
  bool prediction = false;  ///< predicts further tokens, whatever series its number counts in
};

/// What one block adds to the whole.
struct BlockTotals {
  Block block;
  std::uint64_t tensors = 0;
  std::uint64_t parameters = 0;
  std::uint64_t bytes = 0;
  bool parameters_known = true;  ///< false: `parameters` are stored elements, each of which may hold several
};

/// Multi-token prediction: stored beside the model, counted in its totals, left out of what vendors print.
struct Prediction {
  std::uint64_t blocks = 0;
  std::uint64_t tensors = 0;
  std::uint64_t parameters = 0;
  std::optional<std::uint64_t> active_parameters;  ///< per token, where all of it works; absent as the model's own
  std::uint64_t bytes = 0;                         ///< quantization overhead included
  std::uint64_t copied_parameters = 0;  ///< of those, copies of the model's embedding and head, which engines skip
  bool parameters_known = true;         ///< as in DtypeTotals
};

/// What "active" means to those who print it. All but the reports' own leave out multi-token prediction.
struct ActiveConventions {
  std::uint64_t without_prediction = 0;          ///< the reports' figure, less the prediction blocks
  std::uint64_t without_embedding = 0;           ///< less the token embedding: most cards of large models
  std::uint64_t without_embedding_and_head = 0;  ///< less both tables; the same as above where they are one
};

/// Mixture of experts. Counts are per layer (docs/output.md 2.2).
struct Experts {
  std::uint64_t count = 0;                         ///< of the layers that have experts; the largest where they differ
  std::optional<std::uint64_t> used;               ///< per token; absent when no file says so: it is in no shape
  std::uint64_t shared = 0;                        ///< always-active experts per layer
  std::uint64_t layers = 0;                        ///< layers with routed experts
  std::uint64_t parameters = 0;                    ///< routed, all layers
  std::optional<std::uint64_t> active_parameters;  ///< routed, that work on one token
  std::uint64_t bytes = 0;                         ///< routed, quantization overhead included
  std::uint64_t prediction_parameters = 0;         ///< of `parameters`, those in prediction blocks
  std::optional<std::uint64_t> prediction_active_parameters;  ///< likewise of `active_parameters`
  std::vector<std::uint64_t> groups;  ///< experts per group, where a layer has several of which a token uses one
  bool parameters_known = true;       ///< as in DtypeTotals
};

struct Quantization {
  std::string scheme;  ///< gptq, awq, bnb-nf4, bnb-int8, fp8, compressed-tensors, mxfp4, nvfp4, mlx-affine, ...
  std::optional<std::uint64_t> bits;
  std::optional<std::uint64_t> group_size;
};

/// One tensor: its entry in the header of a file, and what is known of it beyond that. Points into the checkpoint.
struct TensorFacts {
  const Tensor* tensor = nullptr;   ///< never null in a model
  const ModelFile* file = nullptr;  ///< the one that holds it; likewise
  std::uint64_t parameters = 0;     ///< logical: unpacked weights; 0 for quantization overhead
  std::int32_t layer = -1;          ///< block number within its stack, -1 outside of blocks
  std::uint32_t block = 0;          ///< index into the model's blocks
  /// Which series of blocks: the language model's own is Main, or Decoder where there are two.
  Stack stack = Stack::None;
  Role role = Role::Other;
  bool routed_expert = false;    ///< belongs to the routed experts (quantization overhead of theirs included)
  bool prediction = false;       ///< belongs to multi-token prediction, its quantization overhead included
  bool unpacked = false;         ///< holds weights in a known packing, which `parameters` counts
  bool parameters_known = true;  ///< as in DtypeTotals
};

/// One model: its checkpoint and what its tensors are. Without files (`weigh estimate --params`) the checkpoint is
/// empty.
struct Model {
  Checkpoint checkpoint;
  std::vector<TensorFacts> tensors;  ///< all of them, in the order of the files and their headers
  std::vector<Block> blocks;         ///< the first is what is outside of blocks; the others in the order they come
  Architecture architecture;
  std::optional<AdapterFacts> adapter;
  std::optional<ProjectorFacts> projector;
  std::string kind;  ///< "LoRA adapter", "vision-language model", ...; empty for a plain language model
  std::uint64_t total_parameters = 0;
  /// False where a tensor holds weights in an unknown packing: `total_parameters` counts its stored elements then.
  bool parameters_known = true;
  std::optional<std::uint64_t> active_parameters;  ///< absent when it is not known how many experts work per token
  std::uint64_t weight_bytes = 0;
  std::uint64_t padding_bytes = 0;
  std::vector<DtypeTotals> by_dtype;                    ///< largest in bytes first
  std::vector<RoleTotals> by_role;                      ///< largest in bytes first
  std::optional<ActiveConventions> active_conventions;  ///< where `active_parameters` is known
  std::optional<Prediction> prediction;
  std::optional<Experts> experts;
  std::optional<Quantization> quantization;
  std::vector<Finding> findings;  ///< of the files, the checkpoint and the model, errors first

  [[nodiscard]] std::uint64_t tensor_count() const { return tensors.size(); }
  /// Index of the tensor's file in the checkpoint.
  [[nodiscard]] std::size_t file_index(const TensorFacts& facts) const {
    return static_cast<std::size_t>(facts.file - checkpoint.files.data());
  }
  [[nodiscard]] std::uint64_t file_bytes() const;
  [[nodiscard]] std::uint64_t header_bytes() const;
  /// What may be shown: `total_parameters`, where they are known.
  [[nodiscard]] std::optional<std::uint64_t> known_total() const;
  /// 8 * bytes / parameters; nothing without parameters and where they are unknown.
  [[nodiscard]] std::optional<double> bits_per_weight() const;
};

/// The parameters of a tensor, or of what sums some; nothing where they are unknown.
template <typename Row>
std::optional<std::uint64_t> known_parameters(const Row& row) {
  return row.parameters_known ? std::optional(row.parameters) : std::nullopt;
}

/// All tensors of a checkpoint, with nothing known of them yet. Points into the checkpoint's files.
std::vector<TensorFacts> tensors_of(const Checkpoint& checkpoint);

/// Says what a checkpoint's tensors are. Never throws for odd input; what is odd becomes a finding.
Model describe(Checkpoint checkpoint);

/// One row per block, in the order of `blocks`; they sum to the totals.
std::vector<BlockTotals> totals_by_block(const Model& model);

/// A model of `parameters` in a plain type of `bits_per_parameter`, without a file.
Model hypothetical_model(std::uint64_t parameters, std::string_view dtype, std::uint64_t bits_per_parameter);

}  // namespace weigh::core
