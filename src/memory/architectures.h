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
  Chunked,     ///< as Period, in chunks of a fixed width; a key of 0 switches it off
  Array,       ///< only what the file's array says
  Attention,   ///< every layer that has attention
  Every,
};

enum class RecurrentRule : std::uint8_t { None, Every, NoKvHeads, NoKvHeadsNoFfn, Interval4, Interval8 };

/// What a recurrent layer's state holds (llama.cpp: llama_hparams::n_embd_r and n_embd_s).
enum class StateRule : std::uint8_t { None, Ssm, Rwkv, ShortConvolution, KimiDelta, Lightning, Compressor };

/// Blocks of multi-token prediction, which are in the file and not run.
enum class PredictionRule : std::uint8_t { None, Cached, NotCached };

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
  Gemma3n,
  Gemma4,
  Count,
};

/// What sets an architecture's graph apart, beyond what its tensors show.
enum GraphOption : std::uint32_t {
  kLayerNorm = 1U << 0,         ///< LayerNorm, which never works in place, for RMSNorm
  kNoRope = 1U << 1,            ///< positions do not turn queries and keys
  kPositionTable = 1U << 2,     ///< learned positions are added to the embeddings
  kPositionBias = 1U << 3,      ///< each head adds a bias for each distance, so that flash attention cannot be used
  kScaledQuery = 1U << 4,       ///< a scaling of the queries behind rope
  kSoftmaxOverUsed = 1U << 5,   ///< experts: soft max over the chosen ones only
  kRawExpertWeights = 1U << 6,  ///< experts: the chosen ones' weights are not normalised
  kOwnFfnNorm = 1U << 7,        ///< attention and feed-forward part side by side, each behind a norm of its own
  kRowsAfterNorm = 1U << 8,     ///< the rows to output are picked behind the last norm, not in the last layer
  kNoLogits = 1U << 9,          ///< ends with embeddings
  kScaledResidual = 1U << 10,   ///< the mixer's output is scaled before its sum with the input
  kWindowRope = 1U << 13,       ///< of a model with a window, only the sliding layers have rope
  kRopeThreeOfFour = 1U << 14,  ///< every fourth layer is without rope
  // Which operand of a sum comes first decides whose place the sum takes.
  kResidualFirst = 1U << 11,  ///< input + mixer
  kInputFirst = 1U << 12,     ///< its input + feed-forward part
  // What a file's tensors show, for models known by their hyperparameters alone.
  kUngated = 1U << 16,
  kFusedGate = 1U << 17,
  kFusedQkv = 1U << 18,
  kQkNorm = 1U << 19,
  kPostNorms = 1U << 20,
  kParallel = 1U << 21,  ///< attention and feed-forward part side by side behind one norm
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
  std::uint32_t options;     ///< of GraphOption
  std::string_view classes;  ///< the Hugging Face classes that convert to it, with spaces between
};

/// All rows, sorted by name.
std::span<const ArchitectureRule> architecture_rules();

/// Null for an architecture without a row.
const ArchitectureRule* architecture_rule(std::string_view name);

/// By a Hugging Face class, "LlamaForCausalLM". Null when no row names it.
const ArchitectureRule* architecture_rule_of_class(std::string_view hugging_face_class);

}  // namespace weigh::core
