#include "src/devices/engine.h"

#include <algorithm>
#include <array>

namespace weigh::core {

namespace {

struct EngineRow {
  Engine engine;
  std::string_view name;
};

constexpr std::array<EngineRow, kEngines> kRows{{
    EngineRow{Engine::LlamaCpp, "llama.cpp"},
    EngineRow{Engine::Transformers, "transformers"},
    EngineRow{Engine::Vllm, "vllm"},
    EngineRow{Engine::Mlx, "mlx"},
}};

}  // namespace

std::string_view engine_name(Engine engine) { return std::ranges::find(kRows, engine, &EngineRow::engine)->name; }

std::optional<Engine> engine_by_name(std::string_view name) {
  const auto* const row = std::ranges::find(kRows, name, &EngineRow::name);
  return row == kRows.end() ? std::nullopt : std::optional(row->engine);
}

}  // namespace weigh::core
