#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weigh::core {

/// The programs whose memory is known here.
enum class Engine : std::uint8_t { LlamaCpp, Transformers, Vllm, Mlx, Sglang };

inline constexpr std::size_t kEngines = 5;

/// What is peculiar to an engine, as far as it matters outside of the rules for its memory (src/memory).
struct EngineTraits {
  Engine engine;
  std::string_view name;        ///< as options and JSON have it: "vllm"
  std::string_view title;       ///< as it calls itself: "vLLM"
  std::string_view program;     ///< the words of a shell that start it with a model; empty: it is a library of Python
  std::string_view model_flag;  ///< before the model's path; empty: none
  bool pools = false;           ///< takes a share of a device, and makes all that is left of it a pool of cache pages
  bool offloads = false;        ///< a part of the weights may lie in host memory
  bool language_alone = false;  ///< runs language models and nothing else
};

const EngineTraits& traits_of(Engine engine);

/// "llama.cpp", "transformers", "vllm", "mlx", "sglang".
std::string_view engine_name(Engine engine);

/// Nothing for any other name.
std::optional<Engine> engine_by_name(std::string_view name);

/// All of them: "llama.cpp, transformers, vllm, mlx, sglang".
std::string engines_listed();

}  // namespace weigh::core
