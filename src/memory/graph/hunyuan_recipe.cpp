#include <algorithm>

#include "src/memory/graph/layer_blocks.h"
#include "src/memory/graph/recipes.h"

namespace weigh::core {

namespace {

// The result of a part is added to each stream.
class Streams : ResidualStreams {
 public:
  Streams(GraphBuilder& b, TensorId embedded) : ResidualStreams(b, embedded) {}

  // `part` between its mixture and the sums; the weights' names begin with `name`.
  void pass(std::string_view weights, std::string_view norm, const Part& part) {
    Graph& g = b_.graph;
    const TensorId mix = weigh(weights, 2 * count_);
    const TensorId in = mixture(squash(g.columns(mix, 0, count_)));
    const TensorId out = copy(part(b_.norm(in, norm)));
    const TensorId shares = copy(g.unary(Op::Scale, squash(g.columns(mix, count_, count_))));
    const TensorId before = copy(all_);
    TensorId joined = kOutside;
    for (std::uint64_t i = 0; i < count_; ++i) {
      const TensorId sum = g.add(stream_of(g, before, i), g.mul(out, g.columns(shares, i, 1)));
      const TensorId row = g.reshape(sum, {b_.model.embedding, 1, b_.tokens, 1});
      joined = i == 0 ? row : g.concat(joined, row, 1);
    }
    all_ = copy(joined);
  }

  // The rows to output, and of them one mixture.
  TensorId close() { return mixture(pick_rows()); }

 private:
  TensorId copy(TensorId of) { return b_.graph.make(Op::Cpy, b_.graph.extent(of), {of}); }

  TensorId mixture(TensorId shares) { return copy(mix_streams(b_.graph, copy(all_), shares)); }
};

}  // namespace

// Hunyuan 4: hyper-connections around latent attention with an indexer.
void hunyuan4_recipe(GraphBuilder& b) {
  Indexer indexer(b, false);
  const TensorId embedded = b.embed_tokens();
  Streams streams(b, embedded);
  b.run_layers(embedded, [&](const LayerStep& step) {
    const LayerModel& layer = step.layer;
    streams.pass("hc_attn_fn", "attn_norm", [&](TensorId normed) {
      const TensorId source = b.latent_query_source(layer, normed);
      if (layer.indexed) indexer.choose(normed, source);
      const TensorId mask = indexer.only_chosen(b.inputs_of(layer).mask);
      const TensorId heads = gate_values(b, layer, b.latent_heads(layer, normed, source, mask), normed);
      return b.graph.mul_mat("attn_output", heads, b.model.embedding);
    });
    streams.pass("hc_ffn_fn", "ffn_norm", [&](TensorId normed) { return b.feed_forward(layer, normed); });
    return step.input;
  });
  b.output_head(streams.close());
}

}  // namespace weigh::core
