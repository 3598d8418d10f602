#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace weigh::core {

/// What of a model is trained (docs/training.md 1).
enum class Recipe : std::uint8_t {
  Full,   ///< every parameter
  Lora,   ///< adapters beside the linear layers, which stay as they are stored
  Qlora,  ///< likewise, with those layers in NF4
};

/// What of a step's activations is kept for the way back (docs/training.md 3).
enum class Checkpointing : std::uint8_t {
  None,       ///< everything
  Selective,  ///< all but the attention matrix
  Full,       ///< the input of each layer; a layer is computed again when it is needed
};

/// What data-parallel devices divide among themselves, each with all before it (docs/training.md 2).
enum class Sharding : std::uint8_t { None, Zero1, Zero2, Zero3 };

/// A name of an enumeration's value, as options and reports have it.
template <typename Value>
struct NamedSetting {
  std::string_view name;
  Value value;
};

std::span<const NamedSetting<Recipe>> recipes();
std::span<const NamedSetting<Checkpointing>> checkpointings();
/// "none" first.
std::span<const NamedSetting<Sharding>> shardings();

std::string_view name_of(Recipe recipe);
std::string_view name_of(Checkpointing checkpointing);
std::string_view name_of(Sharding sharding);

/// An optimizer and the precision that it is used in: bytes for each parameter that is trained.
struct Optimizer {
  std::string_view name;
  std::string_view alias;  ///< another program's word for it; empty: none
  std::uint64_t weight = 0;
  std::uint64_t gradient = 0;
  std::uint64_t master = 0;  ///< a copy of the weight in 32 bits
  std::uint64_t state = 0;
  std::uint64_t scaled_states = 0;  ///< states in 8 bits, which have a scale for each block of 2048
  bool factored = false;            ///< a matrix has a row and a column in place of a state of its size
  std::string_view source;          ///< docs/training.md, "Papers"
};

/// All that are known, the default first.
std::span<const Optimizer> optimizers();
/// By name or alias, in any case, with "_" for "-". Null for any other word.
const Optimizer* find_optimizer(std::string_view name);

/// Tokens of a sequence where nothing is said, unless the model was made for fewer.
inline constexpr std::uint64_t kDefaultTrainingTokens = 2048;
inline constexpr std::uint64_t kDefaultRank = 16;

/// How a model is trained.
struct TrainingSettings {
  Recipe recipe = Recipe::Full;
  const Optimizer* optimizer = &optimizers().front();  ///< never null
  std::uint64_t rank = kDefaultRank;                   ///< of the adapters
  std::uint64_t sequences = 1;                         ///< of a step on one device
  std::optional<std::uint64_t> tokens = std::nullopt;  ///< of a sequence; absent: kDefaultTrainingTokens
  Checkpointing checkpointing = Checkpointing::None;
  bool eager_attention = false;  ///< the attention matrix is made and kept
  Sharding sharding = Sharding::None;
  std::uint64_t devices = 1;  ///< at least 1; each works on sequences of its own
};

}  // namespace weigh::core
