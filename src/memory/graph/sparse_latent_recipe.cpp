#include "src/memory/graph/layer_blocks.h"
#include "src/memory/graph/recipes.h"

namespace weigh::core {

namespace {

// Each head's values times a gate (dots3note).
TensorId gate_heads(GraphBuilder& b, const LayerModel& layer, TensorId heads, TensorId input) {
  constexpr std::uint64_t kBoth = kAttentionGate | kGatePerHead;
  if ((layer.parts & kBoth) != kBoth) return heads;
  Graph& g = b.graph;
  const TensorId gate = g.unary(Op::Sigmoid, g.mul_mat("attn_gate", input, layer.heads));
  const TensorId by_head = g.reshape(heads, {layer.latent.value_head, layer.heads, b.tokens, 1});
  return g.reshape(g.mul(by_head, g.reshape(gate, {1, layer.heads, b.tokens, 1})), g.extent(heads));
}

}  // namespace

// llama.cpp src/models/deepseek32.cpp, glm-dsa.cpp, dots3note.cpp.
void sparse_latent_recipe(GraphBuilder& b) {
  Indexer indexer(b, true);
  const TensorId result = b.run_layers(b.embed_tokens(), [&](const LayerStep& step) {
    return residual_layer(b, step, [&](TensorId normed) {
      const LayerModel& layer = step.layer;
      const TensorId source = b.latent_query_source(layer, normed);
      if (layer.indexed) indexer.choose(normed, source);
      const TensorId mask = b.inputs_of(layer).mask;
      TensorId heads = b.latent_heads(layer, normed, source, layer.sliding ? mask : indexer.only_chosen(mask));
      heads = gate_heads(b, layer, heads, normed);
      return b.graph.mul_mat("attn_output", heads, b.model.embedding);
    });
  });
  b.output_head(result);
}

}  // namespace weigh::core
