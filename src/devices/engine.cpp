#include "src/devices/engine.h"

#include <algorithm>
#include <array>

namespace weigh::core {

namespace {

constexpr std::array<EngineTraits, kEngines> kRows{{
    {Engine::LlamaCpp, "llama.cpp", "llama.cpp", "llama-server", "-m", false, true, true},
    {Engine::Transformers, "transformers", "transformers", "", "", false, true, false},
    {Engine::Vllm, "vllm", "vLLM", "vllm serve", "", true, false, true},
    {Engine::Mlx, "mlx", "MLX", "mlx_lm.server", "--model", false, false, false},
    {Engine::Sglang, "sglang", "SGLang", "python -m sglang.launch_server", "--model-path", true, false, true},
}};

}  // namespace

const EngineTraits& traits_of(Engine engine) { return *std::ranges::find(kRows, engine, &EngineTraits::engine); }

std::string_view engine_name(Engine engine) { return traits_of(engine).name; }

std::optional<Engine> engine_by_name(std::string_view name) {
  const auto* const row = std::ranges::find(kRows, name, &EngineTraits::name);
  return row == kRows.end() ? std::nullopt : std::optional(row->engine);
}

std::string engines_listed() {
  std::string text;
  for (const EngineTraits& row : kRows) text += (text.empty() ? "" : ", ") + std::string(row.name);
  return text;
}

}  // namespace weigh::core
