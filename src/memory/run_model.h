#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/memory/architectures.h"
#include "src/model/hyperparameters.h"
#include "src/model/model.h"

namespace weigh::core {

/// How a layer mixes tokens.
enum class Mixer : std::uint8_t {
  None,
  Attention,
  Latent,
  Mamba,
  Mamba2,
  DeltaNet,
  ShortConvolution,
  PlamoMamba,
  Other
};

/// Parts of a layer that change which tensors its graph holds. Biases and scales work in place: they are not here.
enum LayerPart : std::uint64_t {
  kInputNorm = 1ULL << 0,
  kJointQkv = 1ULL << 1,       ///< one projection makes queries, keys and values
  kHeadNorms = 1ULL << 2,      ///< queries and keys are normed head by head
  kFlatNorms = 1ULL << 3,      ///< queries and keys are normed as whole rows, before they are split into heads
  kPostMixerNorm = 1ULL << 4,  ///< a norm behind the attention, before its sum with the input
  kFfnNorm = 1ULL << 5,        ///< a norm before the feed-forward part; without one it shares the attention's
  kPostFfnNorm = 1ULL << 6,
  kGate = 1ULL << 7,          ///< gate and up as two projections
  kJointGate = 1ULL << 8,     ///< gate and up as one projection of twice the width
  kRouter = 1ULL << 9,        ///< routed experts
  kExpertGate = 1ULL << 10,   ///< gate and up per expert, two projections
  kExpertJoint = 1ULL << 11,  ///< gate and up per expert in one
  kSelectionBias = 1ULL << 12,
  kSharedExpert = 1ULL << 13,
  kSharedRouter = 1ULL << 14,  ///< the shared expert has a gate of its own
  kQueryGate = 1ULL << 15,     ///< the query projection also makes a gate for the attention's output
  kLowRankQuery = 1ULL << 16,
  kAbsorbed = 1ULL << 17,          ///< latent attention with the absorbed projections
  kDense = 1ULL << 18,             ///< a dense feed-forward part, also beside experts
  kParallelMamba = 1ULL << 19,     ///< a state space mixer beside the attention (Falcon-H1)
  kValues = 1ULL << 20,            ///< a projection of its own makes the values (Gemma 4: else they are the keys)
  kExpertScale = 1ULL << 21,       ///< the experts' results have a scale each
  kSecondNorm = 1ULL << 22,        ///< another norm behind the attention's (JINA BERT v2)
  kFusedLerp = 1ULL << 23,         ///< RWKV: the branches' shares of the token before are one tensor
  kTimeGate = 1ULL << 24,          ///< RWKV 7: a gate for the result
  kTimeNorm = 1ULL << 25,          ///< RWKV 7: a norm of each head of the result
  kListedExperts = 1ULL << 26,     ///< a table says which experts each token of the vocabulary takes (DeepSeek V4)
  kKeyNorm = 1ULL << 27,           ///< latent attention: the part of the key that is rotated is normed
  kRoutedNorm = 1ULL << 28,        ///< what routed experts give is normed (Kimi K3)
  kAttentionGate = 1ULL << 29,     ///< a projection beside the queries gates the attention's output
  kAttentionSubNorm = 1ULL << 30,  ///< a norm between the attention and its output projection
  kFfnSubNorm = 1ULL << 31,        ///< likewise in the feed-forward part
  kExpertNorm = 1ULL << 32,        ///< the experts have a norm of their own, beside the dense part's
  kStateNorms = 1ULL << 33,        ///< Mamba: norms of the step, B and C
  kStateNorm = 1ULL << 34,         ///< Mamba-2 and delta net: a norm behind the scan
  kLayerScale = 1ULL << 35,        ///< talkie: the embeddings are added again, scaled
  kGatePerHead = 1ULL << 36,       ///< kAttentionGate has one value for each head
};

/// Latent attention: the width of the row that keys and values are made of, and the heads that it is expanded to. All 0
/// for a layer of another kind.
struct LatentWidths {
  std::uint64_t rank = 0;
  std::uint64_t key_head = 0;
  std::uint64_t value_head = 0;
};

/// One block. A count or width of 0 means that this layer has none.
struct LayerModel {
  std::uint64_t heads = 0;
  std::uint64_t kv_heads = 0;
  std::uint64_t key_head = 0;    ///< values of one key head, as cached
  std::uint64_t value_head = 0;  ///< likewise; 0 where values are not cached
  std::uint64_t ffn = 0;         ///< width of the dense feed-forward part
  std::uint64_t expert_ffn = 0;
  std::uint64_t shared_ffn = 0;
  std::uint64_t experts = 0;
  std::uint64_t experts_used = 0;
  std::uint64_t chunk_ffn = 0;  ///< grovemoe: width of the small experts that stand for a few others each
  std::uint64_t chunk_experts = 0;
  std::uint64_t compress_ratio = 0;  ///< deepseek4: cells that one compressed cell stands for; 0: none
  LatentWidths latent;
  std::uint64_t decay_rank = 0;  ///< Kimi's delta attention: of the decay's product; 0: not of low rank
  std::uint64_t gate_rank = 0;   ///< likewise, of the gate on its output
  std::uint64_t routed = 0;      ///< width that routed experts work in; 0: the model's own
  Mixer mixer = Mixer::Attention;
  bool cached = true;  ///< has K (and V) of its own
  /// A place in the cache without heads: nothing but V as wide as the widest, and that without flash attention only.
  bool headless = false;
  bool sliding = false;
  bool recurrent = false;
  bool indexed = false;
  /// Values of one sequence that a layer keeps beside what its mixer does (qwen4exp's table of n-grams).
  std::uint64_t more_state = 0;
  bool predicts = false;    ///< a block of multi-token prediction: in the file, not run
  std::uint64_t parts = 0;  ///< of LayerPart

  /// Width of the feed-forward part as one token sees it: the dense one, or all experts that work.
  [[nodiscard]] std::uint64_t working_ffn() const;
};

struct StateSpace {
  std::uint64_t convolution = 0;  ///< ssm.conv_kernel
  std::uint64_t inner = 0;
  std::uint64_t state = 0;
  std::uint64_t groups = 0;
  std::uint64_t rank = 0;  ///< time_step_rank: heads of Mamba-2 and of the delta net
};

/// Qwen 4's table of n-grams, as far as the graph needs it.
struct NgramTable {
  std::uint64_t kernel = 0;  ///< of the convolution over what is looked up
  std::uint64_t tokens = 0;  ///< of the longest n-gram; also the convolution's step
  std::uint64_t rows = 0;    ///< that are looked up for each token
};

/// Inner widths of RWKV's low-rank products.
struct LowRanks {
  std::uint64_t mix = 0;    ///< version 6: time_mix_extra_dim
  std::uint64_t decay = 0;  ///< time_decay_extra_dim, attention.decay_lora_rank
  std::uint64_t rate = 0;   ///< version 7: attention.iclr_lora_rank, and likewise
  std::uint64_t value = 0;
  std::uint64_t gate = 0;
};

/// What becomes of the blocks of multi-token prediction.
enum class PredictionUse : std::uint8_t {
  LeftOut,  ///< they are not run, nor loaded but for a few tensors (prediction.h)
  Loaded,   ///< they are loaded, for a draft with them
  Alone,    ///< the model is these blocks: a draft on weights that are loaded with the model
};

/// A model's shape, as far as a run's memory depends on it. The same value comes from GGUF keys and from config.json.
struct RunModel {
  std::string architecture;
  const ArchitectureRule* rule = nullptr;  ///< of the table, or `derived`; null in none that read_run_model() gives
  std::shared_ptr<const ArchitectureRule> derived;  ///< in place of one: no rule for this architecture yet
  std::optional<std::uint64_t> trained_context;
  std::uint64_t embedding = 0;
  std::uint64_t vocab = 0;
  std::uint64_t window = 0;  ///< tokens; 0: nothing slides
  std::uint64_t kv_lora_rank = 0;
  std::uint64_t q_lora_rank = 0;
  std::uint64_t rope_dimensions = 0;
  std::uint64_t latent_key_head = 0;    ///< expanded head of latent attention
  std::uint64_t latent_value_head = 0;  ///< likewise
  std::uint64_t indexer_key = 0;
  std::uint64_t indexer_value = 0;  ///< V of an indexer that keeps some
  std::uint64_t indexer_heads = 0;
  std::uint64_t indexer_top = 0;    ///< cells, or blocks of cells, that it picks for each token
  std::uint64_t indexer_block = 0;  ///< cells of one block; 0: it picks cells
  std::uint64_t expert_groups = 0;
  bool scales_expert_weights = false;          ///< expert_weights_scale is neither 0 nor 1
  std::optional<bool> norms_expert_weights;    ///< expert_weights_norm
  std::optional<std::uint64_t> expert_gating;  ///< expert_gating_func: 1 soft max, 2 sigmoid, 3 soft max over the used
  std::uint64_t short_convolution = 0;         ///< shortconv.l_cache
  std::uint64_t wkv_head = 0;
  std::uint64_t token_shifts = 0;
  std::uint64_t kda_head = 0;
  bool bounded_decay = false;        ///< kda.gate_lower_bound is there: the decay passes a sigmoid
  std::uint64_t residual_block = 0;  ///< Kimi K3: layers between two residuals that are kept
  std::uint64_t loops = 1;
  std::uint64_t position_values = 1;   ///< positions per token: 4 with multi-dimensional rope
  std::uint64_t layer_embedding = 0;   ///< embedding_length_per_layer_input
  std::uint64_t hyper_rank = 0;        ///< hyper_connection.low_rank
  std::uint64_t residual_streams = 1;  ///< hyper_connection.count
  std::uint64_t output_groups = 1;     ///< DeepSeek V4: groups of heads with an output projection each, of low rank
  std::uint64_t output_rank = 0;       ///< of one group
  LayerStacks stacks{};                ///< of weights that several layers run; without layers: each has its own
  std::uint64_t deepstack_layers = 0;  ///< qwen3vl: blocks behind which a part of an image is added
  std::uint64_t rescale_period = 0;    ///< RWKV 6: rescale_every_n_layers
  LowRanks ranks;
  NgramTable ngrams;
  LatentWidths window_latent;  ///< of sliding layers, where they have widths of their own
  StateSpace ssm;
  PredictionUse prediction = PredictionUse::LeftOut;
  std::uint64_t predicting = 0;   ///< blocks of multi-token prediction; of config.json they are not among `layers`
  bool layers_told_apart = true;  ///< of a hybrid: the files say which layers have attention
  std::vector<LayerModel> layers;

  /// Whether the table has a rule for the architecture.
  [[nodiscard]] bool known() const { return rule != nullptr && derived == nullptr; }
  /// DeepSeek V4: a window cache, and compressed cells of the whole context.
  [[nodiscard]] bool compresses() const {
    return rule != nullptr && rule->state == StateRule::Compressor && prediction != PredictionUse::Alone;
  }
  /// The largest of its layers' working_ffn().
  [[nodiscard]] std::uint64_t widest_ffn() const;
  [[nodiscard]] bool has(ArchitectureOption option) const { return rule != nullptr && (rule->options & option) != 0; }
};

/// From a GGUF model's keys and tensors, or from a safetensors model's config.json as its GGUF would have it. Nothing
/// when the files do not give layers and embedding length, or claim more layers than any engine runs.
std::optional<RunModel> read_run_model(const Model& model);

/// llama.cpp refuses more (LLAMA_MAX_LAYERS, LLAMA_MAX_EXPERTS); so nobody's header makes us loop for long.
inline constexpr std::uint64_t kMaxLayers = 512;
inline constexpr std::uint64_t kMaxExperts = 1024;

}  // namespace weigh::core
