#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "src/devices/catalogue.h"
#include "src/fit/advice.h"
#include "src/fit/candidate.h"
#include "src/fit/device_set.h"
#include "src/fit/fit.h"

namespace weigh::core {

/// How a model is to be run. What is absent is the engine's or the model's choice.
struct RunRequest {
  std::optional<Engine> engine = std::nullopt;          ///< absent: the one that such files are made for
  bool engine_is_default = false;                       ///< `engine` is that one: nobody asked for it
  std::optional<std::uint64_t> context = std::nullopt;  ///< tokens, all sequences together
  bool longest_context = false;                         ///< the model's own, in place of `context`
  Dtype key_type = Dtype::F16;                          ///< of the KV cache
  Dtype value_type = Dtype::F16;
  Dtype draft_key_type = Dtype::F16;  ///< of the KV cache of what drafts for it
  Dtype draft_value_type = Dtype::F16;
  std::uint64_t sequences = 1;
  std::uint64_t batch = 2048;
  std::uint64_t micro_batch = 512;
  bool unified_cache = false;
  bool flash_attention = true;
  bool full_window_cache = false;
  std::optional<std::uint64_t> gpu_layers = std::nullopt;
  std::uint64_t cpu_moe_layers = 0;
  std::uint64_t cpu_ffn_layers = 0;
  bool projector_on_host = false;
  bool scale_per_head = false;  ///< as in Run, like the next four
  ServingSettings serving = {};
  std::optional<std::uint64_t> prompt = std::nullopt;
  std::optional<std::uint64_t> generated = std::nullopt;
  bool eager_attention = false;
  const QuantizerType* as = nullptr;  ///< weigh it as the GGUF of this type, which is for llama.cpp
  std::vector<Companion> companions = {};
  std::optional<TrainingSettings> training = std::nullopt;  ///< in place of a run: nothing above but the devices counts
};

/// How much is worked out.
enum class WeighDetail : std::uint8_t {
  Need,       ///< need and verdict
  Placement,  ///< and where the parts go
  Run,        ///< and the largest context, the command line and the speed
  Advice,     ///< and what makes it fit
};

/// A model held against devices.
struct Weighing {
  std::vector<Fit> fits;        ///< one for each set, in their order
  bool common_devices = false;  ///< no set was given: the fits are those of a few common devices
};

/// The engine of a request for this model.
Engine engine_of(const RunRequest& request, const Model& model);

/// How a candidate is run.
Run run_of(const RunRequest& request, const Candidate& candidate);

/// Holds a run of the model against each set, or against a few common devices when there is none. Those are weighed
/// without more detail. Throws UsageError for an engine that keeps no cache of such a type.
Weighing weigh(const Model& model, const RunRequest& request, std::span<const DeviceSet> sets,
               const Catalogue& catalogue, WeighDetail detail = WeighDetail::Placement);

/// Likewise for weights alone, without an engine or a context.
Weighing weigh_bytes(std::uint64_t weight_bytes, std::span<const DeviceSet> sets, const Catalogue& catalogue);

/// What a checkpoint that is not quantized would be as a GGUF of llama.cpp's types.
struct QuantizedChoices {
  struct OnDevice {
    Device device;                       ///< as it was asked for
    std::optional<SmallerType> largest;  ///< that fits; absent when none does
  };
  std::vector<SmallerType> sizes;    ///< of a few types, when no devices are given
  std::vector<OnDevice> on_devices;  ///< one for each set

  [[nodiscard]] bool empty() const { return sizes.empty() && on_devices.empty(); }
};

/// Empty for any other model. `fits` are those of the model as it is: where it fits, "no type fits" is left out.
QuantizedChoices quantized_choices(const Model& model, const RunRequest& request, std::span<const DeviceSet> sets,
                                   std::span<const Fit> fits);

}  // namespace weigh::core
