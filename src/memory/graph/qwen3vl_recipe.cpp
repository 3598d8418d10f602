#include "src/memory/graph/recipes.h"

namespace weigh::core {

// Behind each of the first blocks a part of what came in is added: an image's rows for that block, zeros of a token.
void qwen3vl_recipe(GraphBuilder& b) {
  Graph& graph = b.graph;
  const TensorId wide = b.embed_tokens();
  const auto part = [&](std::uint64_t number) {
    const std::uint64_t width = b.model.embedding;
    return graph.view(wide, {width, b.tokens, 1, 1}, graph.stride(wide), 4 * width * number);
  };
  const TensorId rows = b.model.deepstack_layers == 0 ? wide : part(0);
  b.output_head(b.run_layers(rows, [&](const LayerStep& step) {
    const TensorId result = b.plain_layer(step);
    return step.number < b.model.deepstack_layers ? graph.add(result, part(step.number + 1)) : result;
  }));
}

}  // namespace weigh::core
