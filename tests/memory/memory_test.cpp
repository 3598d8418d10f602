#include "src/memory/memory.h"

#include "src/memory/cache.h"
#include "tests/catch.h"
#include "tests/memory/published.h"

using namespace weigh::core;
using namespace weigh::core::test;

TEST_CASE("a footprint says what it rests on", "[memory]") {
  const Footprint known = measure(llama_3_8b(), {});
  CHECK(known.basis == Basis::Rules);
  CHECK(known.remark.empty());
  CHECK(known.context == 4096);
  CHECK(known.kv_cache == 512U << 20);
  CHECK(known.state == 0U);
  CHECK(measure(gemma_3n_e4b(), {}).basis == Basis::Estimate);
  const Footprint strange = measure(keys_only("strange", transformer(32, 4096, 32, {8}, {14336}, 128256)), {});
  CHECK(strange.basis == Basis::Assumed);
  CHECK(strange.remark == "attention assumed full: no rule for strange yet");
  CHECK(strange.kv_cache == known.kv_cache);
  CHECK(*strange.compute > *known.compute);
}

TEST_CASE("what is not known is absent", "[memory]") {
  const Footprint imagined = measure(hypothetical_model(7'000'000'000, "f16", 16), {});
  CHECK(imagined.weights == 14'000'000'000U);
  CHECK_FALSE(imagined.kv_cache);
  CHECK_FALSE(imagined.compute);
  const Footprint no_heads = measure(keys_only("llama", {{"block_count", {2}}, {"embedding_length", {64}}}), {});
  CHECK_FALSE(no_heads.kv_cache);
  CHECK_FALSE(no_heads.remark.empty());
}

TEST_CASE("hybrids, windows and latent rows are not charged as full attention", "[memory]") {
  const Run run{.context = 32768};
  const auto full = [&](std::uint64_t layers, std::uint64_t width) { return layers * 2 * width * 2 * 32768; };
  CHECK(*measure(qwen_3_next_80b(), run).kv_cache == full(48, 512) / 4);
  CHECK(*measure(gemma_3_27b(), run).kv_cache < full(62, 2048) / 4);
  CHECK(*measure(deepseek_v3(), run).kv_cache == 61U * 576 * 2 * 32768);
  const Footprint expanded = measure(deepseek_v2_lite_expanded(), run);
  CHECK(*expanded.kv_cache == 27ULL * 16 * (192 + 128) * 2 * 32768);
  CHECK_FALSE(expanded.remark.empty());
}

TEST_CASE("embedding models have no generator's cache", "[memory]") {
  const Footprint bge = measure(keys_only("bert", transformer(24, 1024, 16, {16}, {4096}, 250002)),
                                {.context = 8192, .batch = 8192, .micro_batch = 8192});
  CHECK(bge.kv_cache == 0U);
  CHECK(bge.state == 0U);
  CHECK(mib(*bge.compute) < 3000);
}

TEST_CASE("memory follows all experts, not those that work", "[memory]") {
  const Model few = keys_only("llama", transformer(4, 512, 8, {8}, {1024}, 100) + experts(8, 2, 1024));
  const Model many = keys_only("llama", transformer(4, 512, 8, {8}, {1024}, 100) + experts(64, 2, 1024));
  CHECK(measure(few, {}).kv_cache == measure(many, {}).kv_cache);
  CHECK(*measure(few, {}).compute <= *measure(many, {}).compute);
}

TEST_CASE("other engines have rules of their own", "[memory]") {
  // 5000 tokens: llama.cpp takes 5120 cells, vLLM 313 blocks of 16, transformers grows to 5000.
  const auto at = [](Engine engine) { return measure(llama_3_8b(), {.engine = engine, .context = 5000}); };
  constexpr std::uint64_t kToken = 32 * 2 * 1024 * 2;
  CHECK(at(Engine::LlamaCpp).kv_cache == 5120 * kToken);
  CHECK(at(Engine::Vllm).kv_cache == 5008 * kToken);
  CHECK(at(Engine::Transformers).kv_cache == 5000 * kToken);
  CHECK(at(Engine::Mlx).kv_cache == 5000 * kToken);
  CHECK(at(Engine::Vllm).basis == Basis::Estimate);
  CHECK(measure(deepseek_v3(), {.engine = Engine::Vllm, .context = 8192}).kv_cache == 61U * 576 * 2 * 8192);
}
