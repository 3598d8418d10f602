#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "formats/dtype.h"
#include "src/devices/engine.h"

namespace weigh::core {

/// Tokens of a run that says nothing, where the model was made for as many.
inline constexpr std::uint64_t kDefaultContext = 4096;

/// A version of an engine, as far as its rules move with it: "0.21".
struct EngineVersion {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;

  friend auto operator<=>(const EngineVersion&, const EngineVersion&) = default;
};

/// How an engine that pools its cache is started (vLLM, SGLang). What is absent is its own default for the device and
/// the version.
struct ServingSettings {
  std::optional<EngineVersion> version = std::nullopt;            ///< absent: the newest that is known
  std::optional<std::uint64_t> share = std::nullopt;              ///< of each device that it takes, in 1/10,000
  std::optional<std::uint64_t> max_sequences = std::nullopt;      ///< that are worked on at a time
  std::optional<std::uint64_t> batched_tokens = std::nullopt;     ///< that are computed at a time
  std::optional<std::uint64_t> tensor_parallel = std::nullopt;    ///< devices that have a part of every matrix
  std::optional<std::uint64_t> pipeline_parallel = std::nullopt;  ///< stages that have whole layers
  std::optional<std::uint64_t> context_parallel =
      std::nullopt;                                          ///< devices of a tensor parallel group that divide tokens
  std::optional<std::uint64_t> block_tokens = std::nullopt;  ///< of a cache page
  std::optional<std::uint64_t> pool_bytes = std::nullopt;    ///< of each device's pool, whatever the share
  bool eager = false;                                        ///< no graphs are captured
  bool no_prefix_caching = false;

  friend auto operator<=>(const ServingSettings&, const ServingSettings&) = default;
};

/// How a model is run. The defaults are those of `weigh fit`; what is absent is the engine's or the model's choice.
struct Run {
  Engine engine = Engine::LlamaCpp;
  /// Tokens, all sequences together; absent: the smaller of kDefaultContext and the model's own.
  std::optional<std::uint64_t> context = std::nullopt;
  Dtype key_type = Dtype::F16;  ///< of the KV cache
  Dtype value_type = Dtype::F16;
  std::uint64_t sequences = 1;
  bool unified_cache = false;  ///< the sequences share all cells
  std::uint64_t batch = 2048;
  std::uint64_t micro_batch = 512;
  bool flash_attention = true;
  bool full_window_cache = false;  ///< window layers keep all cells (--swa-full)
  /// Rows of logits per micro-batch; absent: one for each of its tokens, as benchmarks and embedders of the library
  /// ask. A server asks for one per sequence.
  std::optional<std::uint64_t> outputs = std::nullopt;
  /// As -ngl counts: the output layer first, then blocks from the last; absent: all.
  std::optional<std::uint64_t> gpu_layers = std::nullopt;
  std::uint64_t cpu_moe_layers = 0;  ///< experts of the first blocks stay on the host (--n-cpu-moe)
  std::uint64_t cpu_ffn_layers = 0;  ///< dense feed-forward weights of the first blocks likewise (--n-cpu-ffn)
  /// Bytes that a device gives out at a time: its buffers come in such chunks, and what has larger tensors runs on the
  /// host. Absent: no such limit.
  std::optional<std::uint64_t> device_chunk = std::nullopt;
  bool projector_on_host = false;     ///< --no-mmproj-offload
  Dtype draft_key_type = Dtype::F16;  ///< of the KV cache of a model that drafts for it
  Dtype draft_value_type = Dtype::F16;
  std::uint64_t drafted = 0;  ///< tokens drafted ahead that a state may have to go back over; 0: nothing drafts

  bool scale_per_head = false;  ///< each head's row of the cache has a scale (vLLM's ..._per_token_head)
  ServingSettings serving = {};
  std::optional<std::uint64_t> prompt = std::nullopt;     ///< tokens that are read at once; absent: the engine's rule
  std::optional<std::uint64_t> generated = std::nullopt;  ///< tokens of an answer
  bool eager_attention = false;                           ///< transformers' attn_implementation="eager"

  /// Whether the run says itself what lies on the host.
  [[nodiscard]] bool places_layers() const { return gpu_layers || cpu_moe_layers != 0 || cpu_ffn_layers != 0; }
  /// The same wherever a split puts what.
  [[nodiscard]] Run in_one_memory() const {
    Run run = *this;
    run.gpu_layers.reset();
    run.cpu_moe_layers = run.cpu_ffn_layers = 0;
    return run;
  }

  friend auto operator<=>(const Run&, const Run&) = default;
};

}  // namespace weigh::core
