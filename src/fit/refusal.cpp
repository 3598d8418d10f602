// What memory has nothing to do with: engines that do not run on a device or do not read the files, and broken files.
#include "src/fit/refusal.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "src/devices/rule.h"

namespace weigh::core {

namespace {

constexpr auto kNotInLlamaCpp = std::to_array<std::string_view>({
    "diffusion transformer",
    "diffusion U-Net",
    "diffusion model",
    "ControlNet",
    "autoencoder",
    "vision encoder",
    "image classifier",
    "image and text embedding model",
    "speech recognition model",
    "audio decoder",
    "audio encoder",
});

// NVIDIA's chips before compute capability 7.0, which vLLM starts at, by the beginning of a device's id.
constexpr auto kBeforeVolta = std::to_array<std::string_view>(
    {"gtx-7", "gtx-9", "gtx-10", "titan-x", "quadro-p", "p4-", "p40-", "p100-", "m40-", "m60-", "k40-", "k80-"});

// Schemes that one program alone reads.
struct OwnScheme {
  std::string_view scheme;
  std::optional<Engine> engine;  // absent: none of those that are known here
};
constexpr auto kOwnSchemes = std::to_array<OwnScheme>({
    {"mlx-affine", Engine::Mlx},
    {"svdquant", std::nullopt},
    {"exl2", std::nullopt},
    {"exl3", std::nullopt},
});

bool is_before_volta(const Device& device) {
  const std::string chip = (device.member.empty() ? device.id : device.member) + '-';
  return std::ranges::any_of(kBeforeVolta, [&](std::string_view beginning) { return chip.starts_with(beginning); });
}

bool runs_on(Engine engine, const Device& device) {
  const bool phone = device.kind == DeviceKind::Phone;
  switch (engine) {
    case Engine::LlamaCpp: return rule_of(device).help != Help::None || device.kind == DeviceKind::Size;
    case Engine::Transformers: return !phone;
    case Engine::Mlx: return device.kind == DeviceKind::AppleUnified || device.kind == DeviceKind::Size;
    case Engine::Vllm:
    case Engine::Sglang: return !phone && device.kind != DeviceKind::AppleUnified && !is_before_volta(device);
  }
  return true;
}

}  // namespace

bool llama_cpp_runs(const Model& model) {
  return std::ranges::find(kNotInLlamaCpp, model.kind) == kNotInLlamaCpp.end();
}

std::optional<FitReason> refusal(const Model& model, Engine engine, const DeviceSet& devices) {
  if (is_gguf(model.checkpoint) && engine != Engine::LlamaCpp) return FitReason{ReasonKind::GgufNotRead};
  if (traits_of(engine).language_alone && !llama_cpp_runs(model))
    return FitReason{ReasonKind::ModelNotRun, 0, model.kind};
  if (model.quantization) {
    const auto own = std::ranges::find(kOwnSchemes, std::string_view(model.quantization->scheme), &OwnScheme::scheme);
    if (own != kOwnSchemes.end() && own->engine != engine) {
      return FitReason{ReasonKind::SchemeNotRead, 0, model.quantization->scheme};
    }
  }
  const auto missing = std::ranges::find_if(devices.slots, [&](const Slot& s) { return !runs_on(engine, s.device); });
  if (missing == devices.slots.end()) return std::nullopt;
  return FitReason{ReasonKind::EngineNotThere, 0, missing->device.name};
}

const Finding* damage(const Model& model) {
  // A name that an index repeats is read all the same.
  const auto found = std::ranges::find_if(model.findings, [](const Finding& finding) {
    const bool error = finding.severity == Severity::Error && finding.code != FindingCode::IndexDuplicate;
    return error || finding.code == FindingCode::ForkType;
  });
  return found == model.findings.end() ? nullptr : &*found;
}

}  // namespace weigh::core
