// Where tools of this kind have been wrong about memory: one test for each. The figures are those of the reports.

#include "src/memory/compute.h"
#include "src/memory/memory.h"
#include "src/memory/split.h"
#include "tests/catch.h"
#include "tests/memory/published.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

Run at(std::uint64_t context) { return {.context = context}; }

}  // namespace

TEST_CASE("trap: 0 in an array of heads is none in this layer, not the default", "[memory]") {
  const Numbers some = per_layer(8, [](std::uint32_t i) { return i % 4 == 3 ? 8U : 0U; });
  const auto mixed = cache_sums(keys_only("deci", transformer(8, 4096, 32, some, {14336}, 128256)), at(8192));
  const auto all = cache_sums(keys_only("deci", transformer(8, 4096, 32, {8}, {14336}, 128256)), at(8192));
  CHECK(mixed.kv * 4 == all.kv);
}

TEST_CASE("trap: hybrids charged with attention in every layer", "[memory]") {
  // One layer of four attends: the cache is a quarter of what all layers would take.
  const auto hybrid = cache_sums(qwen_3_next_80b(), at(32768));
  CHECK(hybrid.kv == std::uint64_t{12} * 2 * 2 * 256 * 2 * 32768);
  CHECK(hybrid.state > 0);
}

TEST_CASE("trap: sliding layers charged with the full context", "[memory]") {
  // gemma-3-27b, 131072 cells: 52 of 62 layers keep 1536.
  const std::uint64_t row = std::uint64_t{2} * 16 * 128 * 2;
  const auto sums = cache_sums(gemma_3_27b(), at(131072));
  CHECK(sums.kv == row * (10 * 131072 + 52 * 1536));
  CHECK(sums.kv * 6 < row * 62 * 131072 * 2);
}

TEST_CASE("trap: latent attention counted with its expanded heads", "[memory]") {
  // DeepSeek-V3 with all of its context; expanded it would be hundreds of GiB.
  const auto sums = cache_sums(deepseek_v3(), at(163840));
  CHECK(sums.kv == std::uint64_t{163840} * 61 * 1152);
  CHECK(sums.kv < 11 * kGiB);
}

TEST_CASE("trap: -ngl counts the output layer first, and logits lie on the host", "[memory]") {
  const Model model = llama_3_8b();
  const SplitNeed one = measure_split(model, {.gpu_layers = 1}, std::vector<double>{1}).value();
  CHECK(one.devices[0].output);
  CHECK(one.devices[0].blocks == 0);
  CHECK(one.devices[0].need.logits == 0U);
  CHECK(one.host.need.logits == std::uint64_t{128256} * 4);
  const SplitNeed most = measure_split(model, {.gpu_layers = 32}, std::vector<double>{1}).value();
  CHECK(most.devices[0].blocks == 31);
}

TEST_CASE("trap: an embedding or reranking model has no generator's cache", "[memory]") {
  // bge-m3 and bge-reranker-v2-m3: 24 layers, 1024 wide; 9.88 and 13.8 GiB were estimated for below 1.7.
  const Model bge = keys_only("bert", transformer(24, 1024, 16, {16}, {4096}, 250002));
  const RunNeed need = measure(bge, at(8192));
  CHECK(need.need.kv_cache == 0U);
  CHECK(*need.need.compute < kGiB);
}

TEST_CASE("trap: the trained maximum taken as the context without a word", "[memory]") {
  const RunNeed need = measure(llama_3_8b(), {});  // made for 131072 tokens
  CHECK(need.context == 4096);
  CHECK(measure(llama_3_8b(), at(131072)).need.kv_cache == *need.need.kv_cache * 32);
}

TEST_CASE("trap: memory follows all experts", "[memory]") {
  const auto shape = read_run_model(mixtral_8x7b());
  REQUIRE(shape);
  CHECK(shape->layers.front().experts == 8);
  CHECK(shape->layers.front().experts_used == 2);
}

TEST_CASE("a GPU turns a quantised cache into 16 bits, layer by layer", "[memory]") {
  const auto bytes = [](const Model& model, Dtype key, Dtype value) {
    Run run = at(8192);
    run.key_type = key;
    run.value_type = value;
    return cache_conversion_bytes(read_run_model(model).value(), run).value();
  };
  const std::uint64_t one = std::uint64_t{8192} * 8 * 128 * 2;  // K or V of one layer
  CHECK(bytes(llama_3_8b(), Dtype::F16, Dtype::F16) == 0);
  CHECK(bytes(llama_3_8b(), Dtype::Q8_0, Dtype::F16) == one);
  CHECK(bytes(llama_3_8b(), Dtype::Q8_0, Dtype::Q4_0) == 2 * one);
  CHECK(bytes(deepseek_v3(), Dtype::Q8_0, Dtype::Q8_0) == std::uint64_t{8192} * 576 * 2);  // keeps no V
  CHECK(bytes(keys_only("bert", transformer(12, 768, 12, {12}, {3072}, 30522)), Dtype::Q8_0, Dtype::Q8_0) == 0);
}
