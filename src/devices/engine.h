#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weigh::core {

/// The programs whose memory is known here.
enum class Engine : std::uint8_t { LlamaCpp, Transformers, Vllm, Mlx };

inline constexpr std::size_t kEngines = 4;

/// "llama.cpp", "transformers", "vllm", "mlx".
std::string_view engine_name(Engine engine);

/// Nothing for any other name.
std::optional<Engine> engine_by_name(std::string_view name);

}  // namespace weigh::core
