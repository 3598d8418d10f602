#include "src/memory/architectures.h"

#include <algorithm>
#include <array>

namespace weigh::core {

namespace {

constexpr auto kRules = std::to_array<ArchitectureRule>({
#define ARCHITECTURE(name, memory, window, period, width, recurrent, state, prediction, indexer, graph, recipe, \
                     options, classes)                                                                          \
  {name,                                                                                                        \
   MemoryKind::memory,                                                                                          \
   WindowRule::window,                                                                                          \
   period,                                                                                                      \
   width,                                                                                                       \
   RecurrentRule::recurrent,                                                                                    \
   StateRule::state,                                                                                            \
   PredictionRule::prediction,                                                                                  \
   IndexerRule::indexer,                                                                                        \
   GraphRule::graph,                                                                                            \
   GraphRecipe::recipe,                                                                                         \
   options,                                                                                                     \
   classes},
#include "src/memory/architectures.inc"
#undef ARCHITECTURE
});

static_assert(std::ranges::is_sorted(kRules, {}, &ArchitectureRule::name), "architecture_rule() searches by halves");

bool has_word(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (words.substr(0, end) == word) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

}  // namespace

std::span<const ArchitectureRule> architecture_rules() { return kRules; }

const ArchitectureRule* architecture_rule(std::string_view name) {
  const auto* row = std::ranges::lower_bound(kRules, name, {}, &ArchitectureRule::name);
  return row != kRules.end() && row->name == name ? row : nullptr;
}

const ArchitectureRule* architecture_rule_of_class(std::string_view hugging_face_class) {
  if (hugging_face_class.empty()) return nullptr;
  const auto* row = std::ranges::find_if(
      kRules, [&](const ArchitectureRule& rule) { return has_word(rule.classes, hugging_face_class); });
  return row != kRules.end() ? row : nullptr;
}

}  // namespace weigh::core
