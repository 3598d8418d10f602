#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/checked.h"
#include "formats/finding_code.h"
#include "src/devices/budget.h"
#include "src/devices/device.h"
#include "src/devices/engine.h"
#include "src/fit/candidate.h"
#include "src/fit/device_set.h"
#include "src/memory/need.h"
#include "src/memory/serving.h"
#include "src/memory/training/training.h"

namespace weigh::core {

/// What comes of a need held against a budget; the best first.
enum class Verdict : std::uint8_t {
  Fits,     ///< within the safe budget
  Tight,    ///< within the limit
  Offload,  ///< a part of it is in host memory
  No,       ///< it does not run
  Broken,   ///< nothing loads the files as they are
};
std::string_view verdict_name(Verdict verdict);

/// Why a verdict is what it is, where need, budget and limit alone do not say so.
enum class ReasonKind : std::uint8_t {
  None,
  AsFarAsKnown,  ///< fits, but parts of the need are not known

  // Offload.
  Placement,       ///< with layers or experts in host memory, by the fit's placement
  WeightsOnHost,   ///< with a part of the weights there
  EncodersOnHost,  ///< of a pipeline: its encoders wait there

  // No: memory.
  NotOffloaded,            ///< the engine puts nothing in host memory; `bytes` are too many
  MoreOnHost,              ///< at least `bytes` more would have to be there than the run says
  HostTooSmall,            ///< the host is asked for too much
  NotEvenOnHost,           ///< with every layer there the rest is too much
  NotEvenWithoutEncoders,  ///< of a pipeline likewise
  WiredLimit,              ///< macOS: unless iogpu.wired_limit_mb is raised to `bytes`
  TtmPages,                ///< Linux on AMD: unless ttm.pages_limit is raised to `bytes`
  SharedMemory,            ///< unless layers go to the CPU, in the part of memory the GPU may not take
  Entitlement,             ///< iOS: unless the app has increased-memory-limit
  Paging,                  ///< it would be read from disk again and again
  NothingElse,             ///< there is no other memory
  NotStarted,              ///< the engine does not start so, or holds too few requests; `detail` is why, in its words
  BeyondSettings,          ///< a setting raises the limit, and not enough

  // No, whatever the memory.
  EngineNotThere,  ///< the engine does not run on such a device
  ModelNotRun,     ///< the engine does not run such a model; `detail` is its kind
  SchemeNotRead,   ///< the engine does not read such weights; `detail` is the scheme
  GgufNotRead,     ///< nor a GGUF file
  NotTrained,      ///< such weights are not trained so; `detail` is why
  SettingRefused,  ///< the engine does not start with such a setting; `detail` is why, in its words

  // Broken.
  Damaged,  ///< `detail` is the finding in a sentence
};

struct FitReason {
  ReasonKind kind = ReasonKind::None;
  std::uint64_t bytes = 0;
  std::string detail = {};
  std::optional<FindingCode> code = std::nullopt;  ///< of a finding
};

/// What a run has, or would have to have, in host memory.
struct HostShare {
  std::uint64_t need_bytes = 0;
  Budget budget;
  HostSource source = HostSource::Assumed;
};

/// Why one cache is larger than another.
struct CacheShape {
  std::uint64_t layers = 0;   ///< that keep keys and values
  std::uint64_t sliding = 0;  ///< of those
  std::uint64_t least_heads = 0;
  std::uint64_t most_heads = 0;
  bool latent = false;      ///< one compressed row in place of heads
  bool with_draft = false;  ///< the cache of a draft model is counted, too
};

/// How much of a need is a companion's.
struct CompanionShare {
  CompanionRole role = CompanionRole::Projector;
  std::string name;  ///< of its file
  std::string path;
  std::string kv_type = {};      ///< of a draft's cache: "f16", "q8_0,f16"; empty for a projector
  MemoryNeed need;               ///< on all devices
  std::uint64_t host_bytes = 0;  ///< in host memory
};

/// What one memory holds of a run that is placed.
struct PlacedPart {
  std::string device;        ///< its id, "host" for the host
  std::uint64_t layers = 0;  ///< blocks of the model
  bool output = false;       ///< the output layer as well
  MemoryNeed need;
  std::uint64_t budget_bytes = 0;
};

/// Where the parts of a run go.
struct Placement {
  std::optional<std::uint64_t> gpu_layers;  ///< as -ngl counts; absent: all of them
  std::uint64_t cpu_moe_layers = 0;         ///< the first blocks' experts stay on the host
  std::vector<PlacedPart> devices;
  PlacedPart host;
};

enum class AdviceKind : std::uint8_t {
  Context,
  Cache,
  MicroBatch,
  Projector,
  Quantization,
  Experts,
  Layers,
  Device,
  Training,
  Start,  ///< another setting of an engine that pools its cache
};

/// One way to make a run fit, tried out. What a kind does not say is empty or 0.
struct Advice {
  AdviceKind kind = AdviceKind::Context;
  std::string name = {};                                ///< of the cache type, the type of the weights, or the device
  std::optional<std::uint64_t> context = std::nullopt;  ///< tokens
  std::uint64_t micro_batch = 0;                        ///< tokens
  std::uint64_t weight_bytes = 0;                       ///< of all weights in that type
  bool from_original = false;                           ///< that type is to be made from the original
  std::uint64_t expert_layers = 0;                      ///< layers whose experts go to the host
  std::uint64_t host_layers = 0;                        ///< layers that go to the host, of `all_layers`
  std::uint64_t all_layers = 0;
  std::uint64_t host_bytes = 0;
  std::vector<std::string> flags = {};  ///< of `weigh fit`, in place of those given: "--context", "2048"
  std::uint64_t need_bytes = 0;         ///< on the devices
};

/// Tokens per second that memory bandwidth allows at most.
struct SpeedBound {
  double empty = 0;  ///< with nothing in the cache
  double full = 0;   ///< with the context full
};

/// One model on one device, or on several together. All bytes are sums over the devices; sums stay at 2^64 - 1 where
/// they would not fit.
struct Fit {
  Device device;                 ///< what was asked for; its count is that of all devices
  std::optional<Engine> engine;  ///< absent when none is assumed
  MemoryNeed need;               ///< on the devices, and what `host` says; the overhead once for each device
  std::uint64_t memory_bytes = 0;
  std::uint64_t limit_bytes = 0;
  std::uint64_t budget_bytes = 0;
  Verdict verdict = Verdict::No;
  std::int64_t headroom_bytes = 0;   ///< budget - need
  Verdict on_devices = Verdict::No;  ///< of what is on the devices: Fits, Tight or No
  bool no_split = false;             ///< the sums would do, but no split into whole layers keeps each within its own
  FitReason reason;
  std::optional<HostShare> host;  ///< absent where no layer is there
  std::vector<Budget> budgets;    ///< each once, of one device each
  bool one_would_do = false;      ///< of several alike, one by itself fits
  bool on_each = false;           ///< the only budget is that of each of several devices alike

  // What only a run has, a model with a context; absent or empty where there is none.
  std::optional<std::uint64_t> context;  ///< tokens, all sequences together
  std::optional<std::uint64_t> prompt;   ///< tokens of each sequence read at once, in engines that do not cut prompts
  std::string kv_type;                   ///< "f16", or of K and of V: "q8_0,f16"
  CacheShape cache_shape;
  std::optional<Basis> basis;  ///< what the need rests on
  bool exact = false;          ///< so are, as recorded runs prove, all of its parts but the overhead
  Remark remark = Remark::None;
  std::string architecture;                ///< of the remark: without a rule; empty where it has no name
  bool input_on_host = false;              ///< the input layer, which is in host memory and not in the need
  std::vector<CompanionShare> companions;  ///< how much of the need is theirs
  std::vector<std::string> flags;          ///< of the engine, for where the parts go: "-ngl", "21", ...
  std::optional<Placement> placement;      ///< where several memories hold a part of the need
  std::string command;                     ///< to paste into a shell
  std::optional<std::uint64_t> max_context;
  bool max_context_is_models = false;  ///< the largest context is the model's own
  std::vector<Advice> advice;          ///< most welcome first
  std::optional<SpeedBound> speed;
  std::optional<Serving> serving;    ///< of an engine that pools its cache
  std::optional<Training> training;  ///< in place of a run; its gradients and optimizer are the need's `state`

  /// The part of the need that is on the devices.
  [[nodiscard]] std::uint64_t device_bytes() const { return minus(need.total(), host ? host->need_bytes : 0); }
  /// Whether cache and compute are known as well, without which nobody can say that a run fits.
  [[nodiscard]] bool counted_whole() const { return need.kv_cache.has_value() && need.compute.has_value(); }
};

}  // namespace weigh::core
