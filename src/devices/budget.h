#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/devices/device.h"
#include "src/devices/plan.h"

namespace weigh::core {

/// Bytes of ONE device. memory >= limit >= safe.
struct Budget {
  std::uint64_t memory = 0;  ///< all of it
  std::uint64_t limit = 0;   ///< what the driver lets one process use by default
  std::uint64_t safe = 0;    ///< what a careful person plans for
  std::uint64_t raised =
      0;               ///< as far as help reaches within the device's own memory, e.g. a raised limit; else the limit
  std::string reason;  ///< the rule in words: "70 % of 192 GiB (Apple, shared with macOS)"
};

/// The default budget, by the rule of the device's kind and vendor.
Budget budget_of(const Device& device);

/// Likewise for an engine with a rule of its own: vLLM takes 0.92 of a device (docs/budgets.md 3.4).
Budget budget_of(const Device& device, std::string_view engine);

/// Whether the host has other memory than the device, where a part of a run may lie.
bool has_host_memory(const Device& device);

enum class Verdict : std::uint8_t { Fits, Tight, Over, No };
std::string_view verdict_name(Verdict verdict);

/// One model on one device (or several alike). All bytes are sums over the devices.
struct Fit {
  Device device;
  std::string engine;  ///< "llama.cpp", ...; empty when none is assumed
  Need need;
  std::uint64_t memory_bytes = 0;
  std::uint64_t limit_bytes = 0;
  std::uint64_t budget_bytes = 0;
  Verdict verdict = Verdict::No;
  std::int64_t headroom_bytes = 0;  ///< budget - need
  std::string distance;             ///< "109.68 GiB to spare", "3.04 GiB above the safe budget, ..."
  std::string help;                 ///< what makes it run all the same, or that nothing does; empty below the limit
  std::string rule;                 ///< the rule of the budget in words
  std::string reason;               ///< one sentence: distance, help and rule

  // What only a run says, a model with a context; absent or empty where there is none.
  std::optional<std::uint64_t> context;    ///< tokens, all sequences together
  std::string kv_type;                     ///< "f16", or of K and of V: "q8_0,f16"
  std::string cache_shape;                 ///< "8 KV heads in each of 32 layers"
  std::string_view basis;                  ///< "rules", "estimate" or "assumed": what the need rests on
  std::string remark;                      ///< what is assumed, a sentence
  bool beside_host = false;                ///< the need is the devices' alone: the rest lies in host memory
  std::vector<CompanionShare> companions;  ///< what the need holds beside the model
  std::optional<PlacementPlan> placement;
  std::string command;  ///< to paste into a shell
  std::optional<std::uint64_t> max_context;
  bool max_context_is_models = false;  ///< the largest context is the model's own
  std::vector<Advice> advice;          ///< most welcome first
  std::optional<SpeedBound> speed;
};

/// Compares. `need.overhead` is that of one device; the Fit holds it once for each. Sums saturate instead of
/// overflowing.
Fit judge(const Need& need, const Device& device, std::string_view engine);

/// Likewise for devices of which each has a need of its own (overhead included). `label` is what they were asked as.
Fit judge_each(const Device& label, std::span<const Device> devices, std::span<const Need> needs,
               std::string_view engine);

/// Puts distance, help and the rule of the budget together: Fit::reason.
void set_reason(Fit& fit);

/// What an engine and its driver context take on one such device before the first weight (docs/memory-rules.md 6.1). An
/// estimate.
std::uint64_t engine_overhead(const Device& device);

/// A few common devices around the boundary between "fits" and what does not, smallest budget first. Where `need`
/// counts an overhead, each device's own takes its place.
std::vector<Fit> common_devices(const Need& need, std::string_view engine, const Catalogue& catalogue);

/// Likewise, each device judged by `judged`.
std::vector<Fit> common_devices(const Catalogue& catalogue, const std::function<Fit(const Device&)>& judged);

}  // namespace weigh::core
