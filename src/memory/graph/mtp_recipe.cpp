// Multi-token prediction as the draft of its own model.
#include "src/memory/graph/recipes.h"

namespace weigh::core {

// A token's embedding and the model's last row for the token before it, normed, side by side and made one row; the block,
// with all of its rows, then a norm and the logits. One block is run at a time, however many there are (llama.cpp
// src/models/*.cpp, graph_mtp). The head may have matrices of its own: they have the same extents as the model's.
void mtp_recipe(GraphBuilder& b) {
  const std::uint64_t width = b.model.embedding;
  const TensorId ids = b.graph.input("inp_tokens", Element::I32, {b.tokens, 1, 1, 1});
  const TensorId rows = b.graph.input("mtp_h_input", Element::F32, {width, b.tokens, 1, 1});
  b.graph.begin_layer(0);
  const TensorId hidden = b.norm(rows, "nextn.hnorm");
  const TensorId embedded = b.norm(b.look_up("token_embd", ids, width), "nextn.enorm");
  const TensorId joined = b.graph.mul_mat("nextn.eh_proj", b.graph.concat(embedded, hidden, 0), width);
  const TensorId result = b.plain_layer({b.model.layers.front(), 0, joined, false});
  b.graph.begin_layer(kOutside);
  const TensorId normed = b.norm(result, "nextn.shared_head_norm");
  b.graph.mark_output(normed);
  const TensorId logits = b.graph.mul_mat("output", b.pick_rows(normed), b.model.vocab);
  b.graph.mark_output(logits);
  b.graph.expand(logits);
}

}  // namespace weigh::core
