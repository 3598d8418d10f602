#include "src/memory/memory.h"

#include "src/memory/cache.h"
#include "tests/catch.h"
#include "tests/memory/published.h"

using namespace weigh::core;
using namespace weigh::core::test;

TEST_CASE("a need says what it rests on", "[memory]") {
  const RunNeed known = measure(llama_3_8b(), {});
  CHECK(known.basis == Basis::Rules);
  CHECK(known.remark == Remark::None);
  CHECK(known.context == 4096);
  CHECK(known.need.kv_cache == 512U << 20);
  CHECK(known.need.state == 0U);
  CHECK(known.proven);
  CHECK_FALSE(measure(llama_3_8b(), {.engine = Engine::Vllm}).proven);
  CHECK(measure(gemma_3n_e4b(), {}).basis == Basis::Rules);
  const RunNeed strange = measure(keys_only("strange", transformer(32, 4096, 32, {8}, {14336}, 128256)), {});
  CHECK(strange.basis == Basis::Assumed);
  CHECK(strange.remark == Remark::AttentionIsFull);
  CHECK(strange.architecture == "strange");
  CHECK(strange.need.kv_cache == known.need.kv_cache);
  CHECK(*strange.need.compute > *known.need.compute);
}

TEST_CASE("what is not known is absent", "[memory]") {
  const RunNeed imagined = measure(hypothetical_model(7'000'000'000, "f16", 16), {});
  CHECK(imagined.need.weights == 14'000'000'000U);
  CHECK(imagined.remark == Remark::NoLayers);
  CHECK_FALSE(imagined.need.kv_cache);
  CHECK_FALSE(imagined.need.compute);
  const RunNeed no_heads = measure(keys_only("llama", {{"block_count", {2}}, {"embedding_length", {64}}}), {});
  CHECK_FALSE(no_heads.need.kv_cache);
  CHECK(no_heads.remark == Remark::HeadsUnknown);
}

TEST_CASE("hybrids, windows and latent rows are not charged as full attention", "[memory]") {
  const Run run{.context = 32768};
  const auto full = [&](std::uint64_t layers, std::uint64_t width) { return layers * 2 * width * 2 * 32768; };
  CHECK(*measure(qwen_3_next_80b(), run).need.kv_cache == full(48, 512) / 4);
  CHECK(*measure(gemma_3_27b(), run).need.kv_cache < full(62, 2048) / 4);
  CHECK(*measure(deepseek_v3(), run).need.kv_cache == 61U * 576 * 2 * 32768);
  const RunNeed expanded = measure(deepseek_v2_lite_expanded(), run);
  CHECK(*expanded.need.kv_cache == 27ULL * 16 * (192 + 128) * 2 * 32768);
  CHECK(expanded.remark == Remark::LatentExpanded);
}

TEST_CASE("embedding models have no generator's cache", "[memory]") {
  const RunNeed bge = measure(keys_only("bert", transformer(24, 1024, 16, {16}, {4096}, 250002)),
                              {.context = 8192, .batch = 8192, .micro_batch = 8192});
  CHECK(bge.need.kv_cache == 0U);
  CHECK(bge.need.state == 0U);
  CHECK(mib(*bge.need.compute) < 3000);
}

TEST_CASE("memory follows all experts, not those that work", "[memory]") {
  const Model few = keys_only("llama", transformer(4, 512, 8, {8}, {1024}, 100) + experts(8, 2, 1024));
  const Model many = keys_only("llama", transformer(4, 512, 8, {8}, {1024}, 100) + experts(64, 2, 1024));
  CHECK(measure(few, {}).need.kv_cache == measure(many, {}).need.kv_cache);
  CHECK(*measure(few, {}).need.compute <= *measure(many, {}).need.compute);
}

TEST_CASE("other engines have rules of their own", "[memory]") {
  // 5000 tokens: llama.cpp takes 5120 cells, vLLM 313 blocks of 16, transformers grows to 5000, MLX in steps of 256.
  const auto at = [](Engine engine) { return measure(llama_3_8b(), {.engine = engine, .context = 5000}); };
  constexpr std::uint64_t kToken = 32 * 2 * 1024 * 2;
  CHECK(at(Engine::LlamaCpp).need.kv_cache == 5120 * kToken);
  CHECK(at(Engine::Vllm).need.kv_cache == 5008 * kToken);
  CHECK(at(Engine::Transformers).need.kv_cache == 5000 * kToken);
  CHECK(at(Engine::Mlx).need.kv_cache == 5120 * kToken);
  CHECK(at(Engine::Vllm).basis == Basis::Estimate);
  const Run scaled{
      .engine = Engine::Vllm, .context = 4096, .key_type = Dtype::I8, .value_type = Dtype::I8, .scale_per_head = true};
  CHECK(measure(llama_3_8b(), scaled).need.kv_cache == 4096ULL * 32 * 8 * (128 + 128 + 8));
  CHECK(measure(deepseek_v3(), {.engine = Engine::Vllm, .context = 8192}).need.kv_cache == 61U * 576 * 2 * 8192);
}
