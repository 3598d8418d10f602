#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/model/builder.h"

namespace weigh::test {

// Recipes for whole models at their real size: names and shapes only. The shapes are those of the families' published
// configurations.

enum class QkNorm : std::uint8_t { None, PerHead, Whole };

struct AttentionShape {
  std::uint64_t heads = 0, kv_heads = 0, size = 128;
  bool qkv_bias = false, output_bias = false;
  QkNorm norm = QkNorm::None;
  bool gated = false;  ///< the query matrix holds a gate of its own size
  bool sinks = false;
  bool fused = false;  ///< one matrix for query, key and value
};

/// DeepSeek's latent attention.
struct LatentShape {
  std::uint64_t query_rank = 0;  ///< 0: the query is not compressed
  std::uint64_t kv_rank = 512, plain = 128, rotated = 64, value = 128;
};

/// Gated delta net; every `interval`th layer has full attention instead.
struct DeltaShape {
  std::uint64_t key_heads = 16, value_heads = 32, size = 128, kernel = 4, interval = 4;
  bool split = false;  ///< Qwen 3.5 keeps the inputs as four matrices, Qwen 3 Next as two
};

/// How a family names and keeps its experts.
struct ExpertNaming {
  std::string moe = "mlp";  ///< what the feed-forward part is called
  std::string gate = "gate_proj", up = "up_proj", down = "down_proj";
  std::string router = "gate";
  std::string selection_bias = {};  ///< empty: none
  std::string shared = "shared_experts";
  enum class Storage : std::uint8_t { Each, Stacked, StackedPlain } storage = Storage::Each;
  bool flipped = false;  ///< stacked as [experts, in, out]
};

struct MoeShape {
  std::uint64_t experts = 0, used = 0, width = 0;
  std::uint64_t shared_width = 0, shared = 0;
  bool shared_gate = false;
  bool router_bias = false, expert_bias = false;
  std::uint64_t dense_first = 0, every = 1;  ///< which layers have experts
  std::uint64_t dense_width = 0;
  ExpertNaming naming = {};
};

/// A prediction layer behind the last.
enum class PredictionForm : std::uint8_t { None, DeepSeek, DeepSeekWithCopies, QwenNext };

struct Family {
  std::string name;
  std::string model_type;
  std::string gguf;  ///< the architecture's name in GGUF; empty: only safetensors
  std::uint64_t width = 0, layers = 0, vocabulary = 0;
  std::uint64_t feed_forward = 0;
  AttentionShape attention = {};
  std::optional<LatentShape> latent = {};
  std::optional<DeltaShape> delta = {};
  std::optional<MoeShape> moe = {};
  bool tied = false;
  bool four_norms = false;   ///< Gemma: a norm behind each part too
  bool fused_ffn = false;    ///< gate and up in one matrix
  bool fused_names = false;  ///< Ling's names for fused attention
  PredictionForm prediction = PredictionForm::None;
  std::string prefix = "model.";
  std::vector<TensorSpec> more = {};  ///< a vision tower's, say
};

Checkpoint as_safetensors(const Family& family);
Checkpoint as_gguf(const Family& family);

}  // namespace weigh::test
