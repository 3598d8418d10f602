#include "src/memory/graph/recipes.h"

#include <array>

namespace weigh::core {

namespace {

// In the order of GraphRecipe.
constexpr auto kRecipes = std::to_array<Recipe>({
    plain_recipe,     arctic_recipe,      hrm_text_recipe,      nanbeige_recipe,   talkie_recipe,
    bert_recipe,      modern_bert_recipe, gemma3n_recipe,       gemma4_recipe,     arwkv7_recipe,
    rwkv6_recipe,     rwkv6qwen2_recipe,  rwkv7_recipe,         t5_recipe,         t5encoder_recipe,
    deci_recipe,      qwen3vl_recipe,     sparse_latent_recipe, kimi_delta_recipe, kimi_k3_recipe,
    lightning_recipe, hunyuan4_recipe,    qwen4_recipe,         deepseek4_recipe,  minimax_m3_recipe,
});

static_assert(kRecipes.size() == static_cast<std::size_t>(GraphRecipe::Count));

}  // namespace

Recipe recipe_of(const RunModel& model) {
  if (model.prediction == PredictionUse::Alone) return mtp_recipe;
  return kRecipes[model.rule == nullptr ? 0 : static_cast<std::size_t>(model.rule->recipe)];
}

void plain_recipe(GraphBuilder& b) {
  b.output_head(b.run_layers(b.embed_tokens(), [&](const LayerStep& step) { return b.plain_layer(step); }));
}

}  // namespace weigh::core
