// Names and figures as the program prints them.
#include <array>
#include <string>

#include "src/devices/engine.h"
#include "src/fit/fit.h"
#include "src/report/escape.h"
#include "src/report/text_format.h"
#include "src/weigh/access.h"

namespace weigh {
namespace {

static_assert(std::string_view(WEIGH_VERSION_STRING) == WEIGH_VERSION, "weigh.h and CMakeLists.txt: one version");

// The enumerations of the header are those of core, value by value: casts between them rest on it.
static_assert(static_cast<int>(Severity::Note) == static_cast<int>(core::Severity::Note) &&
              static_cast<int>(Severity::Error) == static_cast<int>(core::Severity::Error));
static_assert(static_cast<int>(Verdict::Fits) == static_cast<int>(core::Verdict::Fits) &&
              static_cast<int>(Verdict::Tight) == static_cast<int>(core::Verdict::Tight) &&
              static_cast<int>(Verdict::Offload) == static_cast<int>(core::Verdict::Offload) &&
              static_cast<int>(Verdict::No) == static_cast<int>(core::Verdict::No) &&
              static_cast<int>(Verdict::Broken) == static_cast<int>(core::Verdict::Broken));

constexpr std::array kEngines{Engine::LlamaCpp, Engine::Transformers, Engine::Vllm, Engine::Mlx, Engine::Sglang};

}  // namespace

const char* version() noexcept { return WEIGH_VERSION; }

// The names are string literals, which end in a zero.
const char* name_of(Format format) noexcept {
  return core::format_name(format == Format::Gguf ? core::Format::Gguf : core::Format::Safetensors).data();
}
const char* name_of(Severity severity) noexcept {
  return core::severity_name(static_cast<core::Severity>(severity)).data();
}
const char* name_of(Verdict verdict) noexcept { return core::verdict_name(static_cast<core::Verdict>(verdict)).data(); }
const char* name_of(Engine engine) noexcept {
  switch (engine) {
    case Engine::LlamaCpp: return core::engine_name(core::Engine::LlamaCpp).data();
    case Engine::Transformers: return core::engine_name(core::Engine::Transformers).data();
    case Engine::Vllm: return core::engine_name(core::Engine::Vllm).data();
    case Engine::Mlx: return core::engine_name(core::Engine::Mlx).data();
    case Engine::Sglang: return core::engine_name(core::Engine::Sglang).data();
  }
  return "";
}

std::optional<Engine> engine_named(std::string_view name) noexcept {
  for (const Engine engine : kEngines) {
    if (name == name_of(engine)) return engine;
  }
  return std::nullopt;
}

std::string parameters_text(std::uint64_t parameters) { return core::human_parameters(parameters); }
std::string parameters_text(std::optional<std::uint64_t> parameters) { return core::human_parameters(parameters); }
std::string bytes_text(std::uint64_t bytes) { return core::human_bytes(bytes); }
std::string escaped(std::string_view text) { return core::escaped(text); }

}  // namespace weigh
