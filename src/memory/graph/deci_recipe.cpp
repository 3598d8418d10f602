#include "src/memory/graph/recipes.h"

namespace weigh::core {

// Pruned blocks: without heads there is no attention, without heads for keys one product stands for it; and of a block
// without a feed-forward part nothing is kept, as the engine has it.
void deci_recipe(GraphBuilder& b) {
  Graph& graph = b.graph;
  b.output_head(b.run_layers(b.embed_tokens(), [&](const LayerStep& step) {
    const LayerModel& layer = step.layer;
    const bool mixes = layer.heads != 0;
    TensorId mixed = step.input, residual = step.input;
    if (mixes) {
      mixed = b.norm(mixed, "attn_norm");
      mixed = layer.kv_heads != 0 ? b.attention(layer, mixed) : graph.mul_mat("attn_output", mixed, b.model.embedding);
    }
    if (layer.ffn == 0) return step.input;
    if (step.last) {
      mixed = b.pick_rows(mixed);
      residual = b.pick_rows(residual);
    }
    if (mixes) mixed = graph.add(mixed, residual);
    return graph.add(b.dense(layer, b.norm(mixed, "ffn_norm")), mixed);
  }));
}

}  // namespace weigh::core
