// The cache as vLLM cuts it, by published starts and shapes (docs/serving.md 3).
#include "src/memory/vllm/pages.h"

#include <array>

#include "src/memory/vllm/pool.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

struct Layers {
  std::uint64_t count;
  std::uint64_t kv_heads;
  std::uint64_t head;
  bool slides = false;
};

// Layers of each kind in turn; which one comes where has no say in anything but stages.
RunModel attention(std::initializer_list<Layers> kinds, std::uint64_t window = 0) {
  RunModel model;
  model.window = window;
  for (const Layers& kind : kinds) {
    LayerModel layer;
    layer.heads = layer.kv_heads = kind.kv_heads;
    layer.key_head = layer.value_head = kind.head;
    layer.sliding = kind.slides;
    model.layers.insert(model.layers.end(), kind.count, layer);
  }
  return model;
}

RunModel latent(std::uint64_t layers) {
  RunModel model;
  model.kv_lora_rank = 512;
  model.rope_dimensions = 64;
  LayerModel layer;
  layer.mixer = Mixer::Latent;
  layer.parts = kAbsorbed;
  layer.kv_heads = 1;
  layer.key_head = 576;
  model.layers.assign(layers, layer);
  return model;
}

// A gated delta net beside attention: 16 key heads and `values` value heads of 128, a convolution of 4.
RunModel delta_net(std::uint64_t attending, std::uint64_t kv_heads, std::uint64_t recurrent, std::uint64_t values) {
  RunModel model = attention({{attending, kv_heads, 256}});
  model.ssm = {.convolution = 4, .inner = values * 128, .state = 128, .groups = 16, .rank = values};
  LayerModel layer;
  layer.cached = false;
  layer.recurrent = true;
  layer.mixer = Mixer::DeltaNet;
  model.layers.insert(model.layers.end(), recurrent, layer);
  return model;
}

VllmStart start_of(std::uint64_t length, std::uint64_t batch, EngineVersion version = {0, 20}) {
  VllmStart start;
  start.version = version;
  start.length = length;
  start.batched_tokens = batch;
  return start;
}

Run in(Dtype type) { return {.engine = Engine::Vllm, .key_type = type, .value_type = type}; }

CachePool pool_of(const RunModel& model, const Run& run, const VllmStart& start, double gib) {
  const auto pages = cache_pages(model, run, start);
  REQUIRE(pages);
  const auto available = static_cast<std::uint64_t>(gib * static_cast<double>(kGiB));
  return cache_pool(*pages, start, available, available / pages->stage_block_bytes.front(), start.length);
}

}  // namespace

TEST_CASE("two kinds of layers in six groups: tokens to the digit that a start of Gemma 4 26B printed") {
  const RunModel gemma = attention({{25, 8, 256, true}, {5, 2, 512}}, 1024);
  for (const auto& [length, tokens] : {std::pair{32768U, 78'433U}, {131072U, 152'592U}}) {
    CAPTURE(length);
    const VllmStart start = start_of(length, 2496, {0, 29});
    const auto pages = cache_pages(gemma, in(Dtype::BF16), start);
    REQUIRE(pages);
    CHECK(pages->groups.size() == 6);
    CHECK(pages->block_bytes == 5 * 131'072);
    CHECK(pages->smallest_page() == 16);
    CHECK(pages->largest_page() == 32);
    const CachePool pool = pool_of(gemma, in(Dtype::BF16), start, 4.25);
    CHECK(pool.blocks == 6963);
    CHECK(pool.blocks_per_request == length / 32 + 5 * 377);
    CHECK(pool.tokens == tokens);
  }
}

TEST_CASE("a request of 131,072 tokens where layers slide") {
  struct Row {
    std::string_view model;
    RunModel shape;
    double gib;
  };
  for (const Row& row : {Row{"gpt-oss-20b", attention({{12, 8, 64, true}, {12, 8, 64}}, 128), 3.19},
                         Row{"gpt-oss-120b", attention({{18, 8, 64, true}, {18, 8, 64}}, 128), 4.79},
                         Row{"gemma-3-27b", attention({{52, 16, 128, true}, {10, 16, 128}}, 1024), 14.23}}) {
    CAPTURE(row.model);
    const CachePool pool = pool_of(row.shape, in(Dtype::BF16), start_of(131072, 8192), 80);
    CHECK(static_cast<double>(pool.request_bytes) / static_cast<double>(kGiB) == Approx(row.gib).margin(0.005));
  }
}

TEST_CASE("pages beside a state hold one: published block sizes") {
  struct Row {
    std::string_view what;
    RunModel model;
    Dtype type;
    std::uint64_t cards;
    std::uint64_t tokens;
  };
  for (const Row& row : {Row{"Qwen3.5-9B", delta_net(8, 4, 24, 32), Dtype::BF16, 1, 528},
                         Row{"27B", delta_net(16, 4, 48, 48), Dtype::BF16, 1, 784},
                         Row{"27B, fp8", delta_net(16, 4, 48, 48), Dtype::F8_E4M3, 1, 1568},
                         Row{"27B, fp8, two cards", delta_net(16, 4, 48, 48), Dtype::F8_E4M3, 2, 1568},
                         Row{"35B-A3B", delta_net(10, 2, 30, 32), Dtype::BF16, 1, 1056},
                         Row{"35B-A3B, fp8", delta_net(10, 2, 30, 32), Dtype::F8_E4M3, 1, 2096}}) {
    CAPTURE(row.what);
    VllmStart start = start_of(131072, 2048);
    start.shards.tensor = row.cards;
    const auto pages = cache_pages(row.model, in(row.type), start);
    REQUIRE(pages);
    CHECK(pages->largest_page() == row.tokens);
    CHECK(pages->groups.size() == 4);
  }
}

TEST_CASE("states take blocks of their own: tokens as two starts of hybrids printed them") {
  const VllmStart start = start_of(131072, 2048, {0, 21});
  const CachePool one = pool_of(delta_net(10, 2, 30, 32), in(Dtype::F8_E4M3), start, 6.01);
  CHECK(one.blocks == 300);
  CHECK(one.blocks_per_request == 63 + 3 * 2);
  CHECK(one.tokens == 569'878);
  VllmStart two_cards = start;
  two_cards.shards.tensor = 2;
  const CachePool two = pool_of(delta_net(16, 4, 48, 48), in(Dtype::F8_E4M3), two_cards, 4.99);
  CHECK(two.blocks == 208);
  CHECK(two.blocks_per_request == 84 + 3 * 2);
  CHECK(two.tokens == 302'921);
  VllmStart without = start;
  without.prefix_caching = false;
  CHECK(pool_of(delta_net(10, 2, 30, 32), in(Dtype::F8_E4M3), without, 6.01).blocks_per_request == 63 + 3);
}

TEST_CASE("latent rows are whole on every card; cards that share a context divide its tokens") {
  VllmStart start = start_of(131072, 8192);
  start.shards.tensor = 8;
  const CachePool whole = pool_of(latent(61), in(Dtype::BF16), start, 46.80);
  CHECK(whole.tokens % 64 == 0);
  CHECK(static_cast<double>(whole.tokens) == Approx(715'072).epsilon(0.0002));
  start.context_parallel = 8;
  CHECK(pool_of(latent(61), in(Dtype::BF16), start, 46.80).tokens == 8 * whole.tokens);
}

TEST_CASE("heads are divided as far as there are any") {
  const RunModel model = attention({{48, 4, 128}});
  const std::uint64_t whole = 48ULL * 16 * 4 * 256 * 2;
  for (const auto& [cards, bytes] : {std::pair{1U, whole}, {2U, whole / 2}, {4U, whole / 4}, {8U, whole / 4}}) {
    CAPTURE(cards);
    VllmStart start = start_of(8192, 2048);
    start.shards.tensor = cards;
    CHECK(cache_pages(model, in(Dtype::BF16), start)->block_bytes == bytes);
  }
}

TEST_CASE("layers of different widths in one group, and few of a type beside nearly as many of another") {
  const auto uneven = cache_pages(attention({{3, 8, 64}, {2, 4, 64}}), in(Dtype::BF16), start_of(4096, 2048));
  REQUIRE(uneven);
  CHECK(uneven->groups.size() == 1);
  CHECK(uneven->block_bytes == 16 * 2 * 64 * 2 * (3 * 8 + 2 * 4));
  // 12 and 10: one group of 12 each, the second padded.
  const auto near =
      cache_pages(attention({{12, 8, 64, true}, {10, 8, 64}}, 128), in(Dtype::BF16), start_of(4096, 2048));
  REQUIRE(near);
  CHECK(near->groups.size() == 2);
  CHECK(near->block_bytes == 12 * 16 * 8 * 128 * 2);
}

TEST_CASE("before the V1 engine a window is full attention") {
  const RunModel model = attention({{12, 8, 64, true}, {12, 8, 64}}, 128);
  const auto pages = cache_pages(model, in(Dtype::BF16), start_of(4096, 2048, {0, 7}));
  REQUIRE(pages);
  CHECK(pages->groups.size() == 1);
  CHECK(pages->block_bytes == 24 * 16 * 8 * 128 * 2);
}

TEST_CASE("stages have whole layers, those left over with the last ones but one") {
  CHECK(layers_of_stages(48, 2) == std::vector<std::uint64_t>{24, 24});
  CHECK(layers_of_stages(61, 4) == std::vector<std::uint64_t>{15, 15, 16, 15});
  CHECK(layers_of_stages(62, 4) == std::vector<std::uint64_t>{15, 16, 16, 15});
  CHECK(layers_of_stages(2, 4) == std::vector<std::uint64_t>{0, 1, 1, 0});
  VllmStart start = start_of(262144, 2048);
  start.shards.pipeline = 2;
  const auto pages = cache_pages(attention({{48, 4, 128}}), in(Dtype::BF16), start);
  REQUIRE(pages);
  CHECK(pages->stage_block_bytes == std::vector<std::uint64_t>(2, 24ULL * 16 * 4 * 256 * 2));
  // The whole model has to find its place: 98,304 bytes a token, 24 GiB for 262,144, and 3.18 GiB hold 34,720.
  const CachePool pool = cache_pool(*pages, start, static_cast<std::uint64_t>(3.18 * kGiB), 1, 262144);
  CHECK(pool.request_bytes == 24 * kGiB);
  CHECK_FALSE(pool.holds_one);
  CHECK(pool.longest == 34'720);
}
