// transformers and MLX: prompt, answer and what is rounded (docs/memory-rules.md 10).
#include "src/memory/engines.h"

#include "tests/catch.h"

using namespace weigh::core;

namespace {

constexpr std::uint64_t kLayers = 32;
constexpr std::uint64_t kToken = 2 * 8 * 128 * 2;                  // bytes of one layer's keys and values
constexpr std::uint64_t kActivation = 2 * (3 * 14336 + 4 * 4096);  // bytes of one token

RunModel llama_3_8b(std::uint64_t window = 0) {
  RunModel model;
  model.embedding = 4096;
  model.vocab = 128256;
  model.window = window;
  LayerModel layer;
  layer.heads = 32;
  layer.kv_heads = 8;
  layer.key_head = layer.value_head = 128;
  layer.ffn = 14336;
  layer.sliding = window != 0;
  model.layers.assign(kLayers, layer);
  return model;
}

}  // namespace

TEST_CASE("transformers reads a prompt at once, and its peak is there or at the end of the answer") {
  struct Row {
    std::optional<std::uint64_t> prompt;
    std::optional<std::uint64_t> generated;
    std::uint64_t compute;
  };
  const std::uint64_t last = kActivation + 128256 * 6 + 8192 * kToken;  // a token, its logits, a layer's cache again
  for (const Row& row : {Row{std::nullopt, std::nullopt, 8192 * kActivation}, Row{8192, 0, 8192 * kActivation},
                         Row{std::nullopt, 2048, 6144 * kActivation - 2048 * kLayers * kToken},
                         Row{6144, 2048, 6144 * kActivation - 2048 * kLayers * kToken}, Row{1, 8191, last}}) {
    const Run run{.engine = Engine::Transformers, .context = 8192, .prompt = row.prompt, .generated = row.generated};
    const MemoryNeed need = engine_need(llama_3_8b(), run).need;
    CHECK(need.kv_cache == 8192 * kLayers * kToken);
    CHECK(need.compute == row.compute);
  }
}

TEST_CASE("eager attention has the scores of one layer beside") {
  Run run{.engine = Engine::Transformers, .context = 4096};
  const std::uint64_t flash = *engine_need(llama_3_8b(), run).need.compute;
  run.eager_attention = true;
  CHECK(engine_need(llama_3_8b(), run).need.compute == flash + 32ULL * 4096 * 4096 * 6);
}

TEST_CASE("a mixture's experts that work are as wide as a dense layer") {
  RunModel model = llama_3_8b();
  for (LayerModel& layer : model.layers) {
    layer.ffn = 0;
    layer.experts = 8;
    layer.experts_used = 2;
    layer.expert_ffn = 7168;
  }
  const Run run{.engine = Engine::Transformers, .context = 4096};
  CHECK(engine_need(model, run).need.compute == 4096 * kActivation);
}

TEST_CASE("MLX's caches grow by 256 tokens, stop at a window, and are quantised late") {
  struct Row {
    std::uint64_t context;
    std::uint64_t window;
    Dtype type;
    std::uint64_t bytes;  // of one layer
  };
  for (const Row& row :
       {Row{5000, 0, Dtype::F16, 5120 * kToken}, Row{5120, 0, Dtype::F16, 5120 * kToken},
        Row{5000, 1024, Dtype::F16, 1024 * kToken}, Row{5000, 0, Dtype::Q8_0, 5120 * kToken},
        Row{32768, 0, Dtype::Q8_0, 32768 * kToken / 64 * 34}, Row{8192, 0, Dtype::Q4_0, 5120 * kToken}}) {
    CAPTURE(row.context, row.window);
    const Run run{.engine = Engine::Mlx, .context = row.context, .key_type = row.type, .value_type = row.type};
    CHECK(engine_need(llama_3_8b(row.window), run).need.kv_cache == kLayers * row.bytes);
  }
}

TEST_CASE("MLX reads 2,048 tokens at a time") {
  for (const auto& [prompt, bytes] :
       {std::pair{2048U, 800'000'000U}, {30'000U, 800'000'000U}, {1024U, 400'000'000U}, {0U, 0U}}) {
    const Run run{.engine = Engine::Mlx, .context = 32768, .prompt = prompt};
    CHECK(engine_need(llama_3_8b(), run).need.compute == bytes + 32768 * kToken);  // a layer's cache twice, as it grows
  }
}
