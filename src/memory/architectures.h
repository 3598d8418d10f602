#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace weigh::core {

/// What a model keeps between two tokens.
enum class MemoryKind : std::uint8_t { None, Attention, Recurrent, Hybrid };

/// Which layers look back no further than a window, where the file does not say it layer by layer.
enum class WindowRule : std::uint8_t {
  None,        ///< none, whatever `attention.sliding_window` says
  Period,      ///< all but the last of each period
  Period64,    ///< the same, of the 64-layer model only
  DenseFirst,  ///< all but the first of each period
  Stated,      ///< as DenseFirst, where the key is above 0, in a fixed width
  Chunked,     ///< as Period, in chunks of a fixed width; a key of 0 switches it off
  Array,       ///< only what the file's array says
  Attention,   ///< every layer that has attention
  Every,
};

enum class RecurrentRule : std::uint8_t { None, Every, NoKvHeads, NoKvHeadsNoFfn, Interval4, Interval8 };

/// What a recurrent layer's state holds (llama.cpp: llama_hparams::n_embd_r and n_embd_s).
enum class StateRule : std::uint8_t { None, Ssm, Rwkv, ShortConvolution, KimiDelta, Lightning, Compressor };

/// Whether blocks of multi-token prediction, which are in the file and not run, have a cache.
enum class PredictionRule : std::uint8_t {
  None,    ///< they have none
  Cached,  ///< those of attention have one like any other block
  Run,     ///< what the key counts is run with the others (graniteswitch: a router)
};

/// Layers with a second, narrow K cache that a sparse attention picks its cells by.
enum class IndexerRule : std::uint8_t {
  None,
  Every,
  Marked,      ///< those that `attention.indexer.types` marks; all without that key
  MarkedTopK,  ///< the same, where `attention.indexer.top_k` is above 0; else none
  FullLayers,
  AfterDense,
};

enum class GraphRule : std::uint8_t { Replayed, Estimated };

/// How the graph is put together: one recipe for each family of architectures (graph/recipes.h).
enum class GraphRecipe : std::uint8_t {
  Plain,
  Arctic,
  HrmText,
  Nanbeige,
  Talkie,
  Bert,
  ModernBert,
  Gemma3n,
  Gemma4,
  Arwkv7,
  Rwkv6,
  Rwkv6Qwen2,
  Rwkv7,
  T5,
  T5Encoder,
  Deci,
  Qwen3Vl,
  SparseLatent,
  KimiDelta,
  KimiK3,
  Lightning,
  Hunyuan4,
  Qwen4,
  DeepSeek4,
  MiniMaxM3,
  Count,
};

/// What sets an architecture apart, most of it in its graph, beyond what its tensors show.
enum ArchitectureOption : std::uint64_t {
  kLayerNorm = 1ULL << 0,         ///< LayerNorm, which never works in place, for RMSNorm
  kNoRope = 1ULL << 1,            ///< positions do not turn queries and keys
  kPositionTable = 1ULL << 2,     ///< learned positions are added to the embeddings
  kPositionBias = 1ULL << 3,      ///< each head adds a bias for each distance, so that flash attention cannot be used
  kScaledQuery = 1ULL << 4,       ///< a scaling of the queries behind rope
  kSoftmaxOverUsed = 1ULL << 5,   ///< experts: soft max over the chosen ones only
  kRawExpertWeights = 1ULL << 6,  ///< experts: the chosen ones' weights are not normalised
  kOwnFfnNorm = 1ULL << 7,        ///< attention and feed-forward part side by side, each behind a norm of its own
  kRowsAfterNorm = 1ULL << 8,     ///< the rows to output are picked behind the last norm, not in the last layer
  kNoLogits = 1ULL << 9,          ///< ends with embeddings
  kScaledResidual = 1ULL << 10,   ///< the mixer's output is scaled before its sum with the input
  kWindowRope = 1ULL << 11,       ///< of a model with a window, only the sliding layers have rope
  kRopeThreeOfFour = 1ULL << 12,  ///< every fourth layer is without rope
  // Which operand of a sum comes first decides whose place the sum takes.
  kResidualFirst = 1ULL << 13,     ///< input + mixer
  kInputFirst = 1ULL << 14,        ///< its input + feed-forward part
  kInputBeforeMixer = 1ULL << 15,  ///< side by side: feed-forward part + input + mixer
  kMixerBeforeFfn = 1ULL << 16,    ///< side by side: mixer + feed-forward part + input
  kNormsWithoutWeight = 1ULL << 17,
  kNormedEmbeddings = 1ULL << 18,
  kNormBehindRope = 1ULL << 19,       ///< heads are normed after they were turned
  kEarlyRouter = 1ULL << 20,          ///< the router reads the layer's input
  kSelectsBySigmoid = 1ULL << 21,     ///< experts: chosen by a sigmoid of the logits, weighed by their soft max
  kDenseRope = 1ULL << 22,            ///< with kWindowRope: layers without experts have rope too
  kPicksBehindSum = 1ULL << 23,       ///< in the last layer rows are picked behind the sum of mixer and input
  kPicksBehindPostNorm = 1ULL << 24,  ///< or behind the mixer's second norm
  kNormByKey = 1ULL << 25,            ///< experts: their weights are normalised only where expert_weights_norm says so
  kStepPerHead = 1ULL << 26,          ///< Mamba with one step for each head (PLaMo 2)
  kBatchAlone = 1ULL << 27,           ///< attends within the batch alone, although it has a cache
  kWholeQueryRope = 1ULL << 28,       ///< latent attention: the queries are turned as they are
  kScaledHead = 1ULL << 29,           ///< the last norm's rows are scaled before the logits
  kOneSequence = 1ULL << 30,          ///< the prompt's graph is reserved for one sequence, however many there are
  kBoundedGate = 1ULL << 31,          ///< gates of feed-forward parts pass a tanh on either side (Kimi K3)
  // Not of the graph alone.
  kNoFlashAttention = 1ULL << 32,  ///< the engine switches flash attention off for it
  kRollsBack = 1ULL << 33,         ///< its state can go back over drafted tokens: one row more for each of them
  kOutputCopied = 1ULL << 34,      ///< a tied output matrix is a tensor of its own in memory, also on a host alone
  kNoDraftGraph = 1ULL << 35,      ///< has blocks of multi-token prediction, and the engine no graph that runs them
  // What a file's tensors show, for models known by their hyperparameters alone.
  kUngated = 1ULL << 36,
  kFusedGate = 1ULL << 37,
  kFusedQkv = 1ULL << 38,
  kQkNorm = 1ULL << 39,
  kPostNorms = 1ULL << 40,
  kParallel = 1ULL << 41,  ///< attention and feed-forward part side by side behind one norm
};

/// One row of the table: how an architecture uses memory.
struct ArchitectureRule {
  std::string_view name;  ///< as general.architecture spells it
  MemoryKind memory;
  WindowRule window;
  std::uint32_t window_period;
  std::uint32_t window_default;  ///< tokens, where the file names no width; 0: nothing slides then
  RecurrentRule recurrent;
  StateRule state;
  PredictionRule prediction;
  IndexerRule indexer;
  GraphRule graph;
  GraphRecipe recipe;
  std::uint64_t options;     ///< of ArchitectureOption
  std::string_view classes;  ///< the Hugging Face classes that convert to it, with spaces between
};

/// All rows, sorted by name.
std::span<const ArchitectureRule> architecture_rules();

/// Null for an architecture without a row.
const ArchitectureRule* architecture_rule(std::string_view name);

/// By a Hugging Face class, "LlamaForCausalLM". Null when no row names it.
const ArchitectureRule* architecture_rule_of_class(std::string_view hugging_face_class);

}  // namespace weigh::core
