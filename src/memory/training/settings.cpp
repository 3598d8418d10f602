#include "src/memory/training/settings.h"

#include <algorithm>
#include <array>
#include <string>

namespace weigh::core {

namespace {

constexpr std::string_view kZero = "ZeRO (Rajbhandari et al. 2020), 3.1";
constexpr std::string_view kSameSum = "the same sum as in ZeRO, 3.1";
constexpr std::string_view kEightBit = "8-bit optimizers (Dettmers et al. 2022)";

// docs/training.md 1: bytes of weight, gradient, master copy and states.
constexpr std::array kOptimizers{
    Optimizer{"adamw", "adamw-torch", 2, 2, 4, 8, 0, false, kZero},
    Optimizer{"adamw-fp32", "", 4, 4, 0, 8, 0, false, kSameSum},
    Optimizer{"adamw-bf16", "", 2, 2, 0, 4, 0, false, kSameSum},
    Optimizer{"paged-adamw", "paged-adamw-32bit", 2, 2, 4, 8, 0, false, kZero},
    Optimizer{"adamw-8bit", "adamw-bnb-8bit", 2, 2, 4, 2, 2, false, kEightBit},
    Optimizer{"paged-adamw-8bit", "", 2, 2, 4, 2, 2, false, kEightBit},
    Optimizer{"adamw-8bit-bf16", "", 2, 2, 0, 2, 2, false, kEightBit},
    Optimizer{"sgd", "sgd-momentum", 2, 2, 4, 4, 0, false, kSameSum},
    Optimizer{"adafactor", "", 2, 2, 4, 0, 0, true, "Adafactor (Shazeer and Stern 2018)"},
};

constexpr std::array kRecipes{NamedSetting<Recipe>{"full", Recipe::Full}, NamedSetting<Recipe>{"lora", Recipe::Lora},
                              NamedSetting<Recipe>{"qlora", Recipe::Qlora}};
constexpr std::array kCheckpointings{NamedSetting<Checkpointing>{"none", Checkpointing::None},
                                     NamedSetting<Checkpointing>{"selective", Checkpointing::Selective},
                                     NamedSetting<Checkpointing>{"full", Checkpointing::Full}};
constexpr std::array kShardings{
    NamedSetting<Sharding>{"none", Sharding::None}, NamedSetting<Sharding>{"zero1", Sharding::Zero1},
    NamedSetting<Sharding>{"zero2", Sharding::Zero2}, NamedSetting<Sharding>{"zero3", Sharding::Zero3}};

std::string folded(std::string_view name) {
  std::string result(name);
  for (char& letter : result) {
    if (letter == '_') letter = '-';
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return result;
}

}  // namespace

std::span<const NamedSetting<Recipe>> recipes() { return kRecipes; }
std::span<const NamedSetting<Checkpointing>> checkpointings() { return kCheckpointings; }
std::span<const NamedSetting<Sharding>> shardings() { return kShardings; }

std::string_view name_of(Recipe recipe) { return kRecipes[static_cast<std::size_t>(recipe)].name; }
std::string_view name_of(Checkpointing checkpointing) {
  return kCheckpointings[static_cast<std::size_t>(checkpointing)].name;
}
std::string_view name_of(Sharding sharding) { return kShardings[static_cast<std::size_t>(sharding)].name; }

std::span<const Optimizer> optimizers() { return kOptimizers; }

const Optimizer* find_optimizer(std::string_view name) {
  const std::string wanted = folded(name);
  const auto* found = std::ranges::find_if(kOptimizers, [&](const Optimizer& row) {
    return row.name == wanted || (!row.alias.empty() && row.alias == wanted);
  });
  return found == kOptimizers.end() ? nullptr : found;
}

}  // namespace weigh::core
