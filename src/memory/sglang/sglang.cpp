#include "src/memory/sglang/sglang.h"

#include <algorithm>

#include "src/memory/cache.h"
#include "src/memory/compute.h"
#include "src/memory/engines.h"

namespace weigh::core {

std::vector<Bytes> sglang_layer_kv(const RunModel& model, const Run& run) {
  const std::uint64_t tokens = sequence_tokens(model, run);
  const Cells cells = {.context = tokens * run.sequences,
                       .streams = run.sequences,
                       .full = tokens,
                       .window = model.window == 0 ? tokens : std::min(tokens, model.window),
                       .batch = run.micro_batch,
                       .multiple = 1};
  Run flash = run;
  flash.flash_attention = true;  // each layer has values of its own width
  std::vector<Bytes> layers;
  for (const LayerModel& layer : model.layers) {
    layers.push_back(layer.cached && !layer.predicts ? layer_kv_bytes(model, layer, flash, cells) : 0);
  }
  return layers;
}

Bytes sglang_compute(const RunModel& model, const Run& run) {
  // The layers' tensors are those of llama.cpp's graph; nobody lays them out as tightly.
  const Bytes graph = whole_compute_bytes(model, run);
  return graph ? plus(graph, Bytes(*graph / 2)) : std::nullopt;
}

}  // namespace weigh::core
