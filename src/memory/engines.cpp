#include "src/memory/engines.h"

#include <algorithm>
#include <array>

#include "formats/checked.h"
#include "src/memory/cache.h"
#include "src/memory/mlx/mlx.h"
#include "src/memory/sglang/sglang.h"
#include "src/memory/transformers/transformers.h"
#include "src/memory/vllm/vllm.h"

namespace weigh::core {

namespace {

using LayerBytes = std::vector<Bytes>;

struct EngineRules {
  Engine engine;
  // Without a pool: working memory, and each layer's cache in turn; absent where it does not fit in 64 bits.
  Bytes (*compute)(const RunModel& model, const Run& run) = nullptr;
  LayerBytes (*layer_kv)(const RunModel& model, const Run& run) = nullptr;
  // With a pool: what a run needs on a card of which nothing is known, and a start on cards.
  ContextNeed (*need)(const RunModel& model, const Run& run) = nullptr;
  ServingStart (*serve)(const Model& source, const RunModel& model, const Run& run,
                        std::span<const ServedCard> cards) = nullptr;
};

constexpr auto kEngineRules = std::to_array<EngineRules>({
    {Engine::Transformers, transformers_compute, transformers_layer_kv},
    {Engine::Mlx, mlx_compute, mlx_layer_kv},
    {Engine::Vllm, nullptr, nullptr, vllm_need, vllm_serve},
    {Engine::Sglang, nullptr, nullptr, sglang_need, sglang_serve},
});

const EngineRules& rules_of(Engine engine) { return *std::ranges::find(kEngineRules, engine, &EngineRules::engine); }

Run sixteen_bits(const Run& run) {
  Run plain = run;
  plain.key_type = plain.value_type = Dtype::F16;
  return plain;
}

Bytes sum_of(const LayerBytes& layers) {
  Bytes sum = 0;
  for (const Bytes& layer : layers) sum = plus(sum, layer);
  return sum;
}

}  // namespace

std::uint64_t sequence_tokens(const RunModel& model, const Run& run) {
  return (asked_context(model, run) + run.sequences - 1) / run.sequences;
}

std::uint64_t prompt_tokens(const RunModel& model, const Run& run) {
  const std::uint64_t tokens = sequence_tokens(model, run);
  return std::min(run.prompt.value_or(minus(tokens, run.generated.value_or(0))), tokens);
}

std::vector<Bytes> plain_layer_kv(const RunModel& model, const Run& run, std::uint64_t tokens) {
  const Cells cells = {.context = times(tokens, run.sequences),
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

Bytes plain_state_bytes(const RunModel& model, const Run& run) {
  const auto caches = layer_caches(model, sixteen_bits(run));
  if (!caches) return std::nullopt;
  Bytes sum = 0;
  for (const LayerCache& cache : *caches) sum = plus(sum, Bytes(cache.state));
  return sum;
}

ContextNeed engine_need(const RunModel& model, const Run& run) {
  ContextNeed counted;
  counted.need.logits = 0;
  if (!count_cells(model, sixteen_bits(run))) return counted;
  const EngineRules& rules = rules_of(run.engine);
  if (rules.need != nullptr) return rules.need(model, run);
  counted.context = sequence_tokens(model, run) * run.sequences;
  counted.need.kv_cache = sum_of(rules.layer_kv(model, run));
  counted.need.state = plain_state_bytes(model, run);
  counted.need.compute = rules.compute(model, run);
  return counted;
}

std::optional<std::vector<std::uint64_t>> engine_layer_kv(const RunModel& model, const Run& run) {
  const EngineRules& rules = rules_of(run.engine);
  if (rules.layer_kv == nullptr || !engine_need(model, run).need.kv_cache) return std::nullopt;
  std::vector<std::uint64_t> layers;
  for (const Bytes& layer : rules.layer_kv(model, run)) layers.push_back(layer.value_or(0));
  return layers;
}

std::optional<ServingStart> engine_start(const Model& source, const RunModel& model, const Run& run,
                                         std::span<const ServedCard> cards) {
  const EngineRules& rules = rules_of(run.engine);
  return rules.serve == nullptr ? std::nullopt : std::optional(rules.serve(source, model, run, cards));
}

}  // namespace weigh::core
