#include "src/memory/cache.h"

#include "tests/catch.h"
#include "tests/memory/published.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

// Most figures below are for 8192 cells, F16, one sequence.
Run at(std::uint64_t context) { return {.context = context}; }

Run sequences(std::uint64_t context, std::uint64_t count, bool unified) {
  return {.context = context, .sequences = count, .unified_cache = unified};
}

}  // namespace

TEST_CASE("contexts and caches are rounded to 256 cells", "[memory]") {
  struct Row {
    std::uint64_t asked, sequences;
    bool unified;
    std::uint64_t context, streams, cells;
  };
  const auto row = GENERATE(Row{4096, 1, false, 4096, 1, 4096}, Row{5000, 1, false, 5120, 1, 5120},
                            Row{5000, 3, false, 5376, 3, 1792}, Row{5000, 3, true, 5120, 1, 5120},
                            Row{1, 1, false, 256, 1, 256}, Row{256, 4, false, 1024, 4, 256});
  CAPTURE(row.asked, row.sequences, row.unified);
  const auto model = read_run_model(llama_3_8b()).value();
  const Cells cells = count_cells(model, sequences(row.asked, row.sequences, row.unified)).value();
  CHECK(cells.context == row.context);
  CHECK(cells.streams == row.streams);
  CHECK(cells.full == row.cells);
}

TEST_CASE("without a context the smaller of 4096 and the model's own counts", "[memory]") {
  const Keys keys = transformer(2, 512, 8, {8}, {1024}, 100);
  CHECK(count_cells(read_run_model(keys_only("llama", keys)).value(), Run{})->context == 4096);
  Keys small = keys;
  small.back() = {"context_length", {2048}};
  CHECK(count_cells(read_run_model(keys_only("llama", small)).value(), Run{})->context == 2048);
}

TEST_CASE("runs that no engine starts give no cells", "[memory]") {
  const auto model = read_run_model(llama_3_8b()).value();
  CHECK_FALSE(count_cells(model, {.context = 0}));
  CHECK_FALSE(count_cells(model, {.sequences = 0}));
  CHECK_FALSE(count_cells(model, {.micro_batch = 0}));
  CHECK_FALSE(count_cells(model, {.context = UINT64_MAX}));
  CHECK_FALSE(layer_caches(model, {.sequences = UINT64_MAX}));
}

TEST_CASE("cache types take whole blocks", "[memory]") {
  struct Row {
    Dtype key, value;
    double mib;
  };
  const auto row = GENERATE(Row{Dtype::F32, Dtype::F32, 2048}, Row{Dtype::F16, Dtype::F16, 1024},
                            Row{Dtype::BF16, Dtype::BF16, 1024}, Row{Dtype::Q8_0, Dtype::Q8_0, 544},
                            Row{Dtype::Q5_1, Dtype::Q5_1, 384}, Row{Dtype::Q5_0, Dtype::Q5_0, 352},
                            Row{Dtype::Q4_1, Dtype::Q4_1, 320}, Row{Dtype::Q4_0, Dtype::Q4_0, 288},
                            Row{Dtype::IQ4_NL, Dtype::IQ4_NL, 288}, Row{Dtype::Q8_0, Dtype::F16, 784});
  CAPTURE(name(row.key), name(row.value));
  Run run = at(8192);
  run.key_type = row.key;
  run.value_type = row.value;
  CHECK(mib(cache_sums(llama_3_8b(), run).kv) == row.mib);
}

TEST_CASE("a row that is not a whole number of blocks has no cache of that type", "[memory]") {
  const auto model = read_run_model(keys_only("llama", transformer(2, 80, 4, {4}, {160}, 100))).value();
  CHECK(layer_caches(model, {.key_type = Dtype::F16}));
  CHECK_FALSE(layer_caches(model, {.key_type = Dtype::Q8_0}));
  CHECK_FALSE(layer_caches(model, {.value_type = Dtype::Q4_0}));
}

TEST_CASE("the cache of attention, windows and latent rows", "[memory]") {
  struct Row {
    std::string what;
    Model model;
    Run run;
    double mib;
  };
  Run wide = at(8192), all_cells = at(8192), full = at(8192);
  wide.micro_batch = 2048;
  all_cells.full_window_cache = true;
  std::vector<Row> rows;
  const auto add = [&](std::string what, Model model, const Run& run, double expected) {
    rows.push_back({std::move(what), std::move(model), run, expected});
  };
  add("DeepSeek-V3", deepseek_v3(), full, 549);
  add("DeepSeek-V3.2, with its indexer's keys", deepseek_v32(), full, 549 + 122);
  add("gemma-2-9b", gemma_2_9b(), full, 1344 + 756);
  add("gemma-3-27b", gemma_3_27b(), full, 640 + 624);
  add("gemma-3-27b, micro-batch 2048", gemma_3_27b(), wide, 640 + 1248);
  add("gemma-3-27b, swa-full", gemma_3_27b(), all_cells, 640 + 3328);
  add("gemma-3-27b, four sequences apart", gemma_3_27b(), sequences(131072, 4, false), 10240 + 2496);
  add("gemma-3-27b, four sequences together", gemma_3_27b(), sequences(131072, 4, true), 10240 + 1872);
  add("command-r7b", command_r7b(), full, 256 + 432);
  add("Llama-4-Scout", llama_4_scout(), full, 384 + 1152);
  add("Llama-4-Scout, 32768", llama_4_scout(), at(32768), 1536 + 1224);
  add("gemma-3n-E4B", gemma_3n_e4b(), full, 64 + 32);
  add("Phi-3-mini, whose window is ignored",
      keys_only("phi3", transformer(32, 3072, 32, {32}, {8192}, 32064) + window(2047)), full, 3072);
  add("exaone4 of 32 layers, without windows",
      keys_only("exaone4", transformer(32, 4096, 32, {8}, {14336}, 1000) + window(4096)), full, 1024);
  add("nanbeige, two loops",
      keys_only("nanbeige", transformer(32, 4096, 32, {8}, {14336}, 1000) + Keys{{"num_loops", {2}}}), full, 2048);
  // The recorded runs of models of these dimensions have the same bytes.
  add("HRM, a cache for each pass of two stacks of 4", keys_only("hrm_text", hrm_text_keys()), full, 2048);
  add("Spark 2.5",
      keys_only("spark2_5", transformer(4, 2048, 16, {4}, {6144}, 64000, 128) + window(1024) +
                                Keys{{"attention.sliding_window_pattern", {1, 1, 1, 0}}}),
      full, 16 + 3 * 3);
  add("Maple without a window's key", keys_only("maple", transformer(4, 2048, 16, {4}, {1024}, 64000, 128)), full, 64);
  const Keys latent = transformer(2, 2048, 16, {1}, {1024}, 1000, 576) + Keys{{"attention.kv_lora_rank", {512}},
                                                                              {"rope.dimension_count", {64}},
                                                                              {"attention.key_length_mla", {192}},
                                                                              {"attention.value_length_mla", {128}}};
  const Keys marked{{"attention.indexer.key_length", {128}}, {"attention.indexer.types", {1, 0}}};
  add("Hunyuan 4, whose indexer is off", keys_only("hy_v4", latent + marked), full, 2 * 9);
  add("Hunyuan 4, with its indexer's keys in one layer of two",
      keys_only("hy_v4", latent + marked + Keys{{"attention.indexer.top_k", {2048}}}), full, 2 * 9 + 2);
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(mib(cache_sums(row.model, row.run).kv) == row.mib);
  }
}

TEST_CASE("recurrent layers keep a state, the others a cache", "[memory]") {
  struct Row {
    std::string what;
    Model model;
    double kv, state;
  };
  std::vector<Row> rows;
  const auto add = [&](std::string what, Model model, double kv, double state) {
    rows.push_back({std::move(what), std::move(model), kv, state});
  };
  add("Qwen3-Next-80B", qwen_3_next_80b(), 192, 75.38);
  add("Qwen3.5-27B", qwen_3_5_27b(), 512, 149.62);
  add("Falcon-H1-7B, both in every layer", falcon_h1_7b(), 352, 133.80);
  add("Granite-4-H-small", granite_4_h_small(), 128, 147.48);
  add("Nemotron-H-8B", nemotron_h_8b(), 128, 98.81);
  add("Jamba-mini", jamba_mini(), 128, 16.62);
  add("LFM2-1.2B", lfm2_1_2b(), 96, 0.16);
  add("Kimi-Linear-48B", kimi_linear_48b(), 63, 42.81);
  add("Mamba-2.8B", mamba_2_8b(), 0, 23.75);
  add("Mamba2-2.7B", mamba2_2_7b(), 0, 163.94);
  add("RWKV7-2.9B", rwkv7_2_9b(), 0, 20.62);
  add("qwen4exp, as recorded", qwen4exp(), 72, 26345472.0 / (1 << 20));
  add("qwen4exp, with n-grams looked up in two layers",
      keys_only("qwen4exp",
                qwen4exp_keys() + Keys{{"ple.layers", {0, 3}}, {"ple.conv_kernel", {4}}, {"ple.ngram_size", {3}}}),
      72, (26345472.0 + 2 * 4 * 3 * 3 * 4 * 2048) / (1 << 20));
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const CacheSums sums = cache_sums(row.model, at(8192));
    CHECK(mib(sums.kv) == row.kv);
    CHECK(mib(sums.state) == Approx(row.state).margin(0.006));
  }
}

TEST_CASE("a state is one row per sequence, whatever the context and the cache type", "[memory]") {
  const Model model = qwen_3_next_80b();
  const std::uint64_t one = cache_sums(model, at(8192)).state;
  CHECK(cache_sums(model, at(65536)).state == one);
  CHECK(cache_sums(model, sequences(8192, 4, false)).state == 4 * one);
  CHECK(cache_sums(model, sequences(8192, 4, true)).state == 4 * one);
  Run small = at(8192);
  small.key_type = small.value_type = Dtype::Q8_0;
  CHECK(cache_sums(model, small).state == one);
}

TEST_CASE("without flash attention every layer takes the widest V", "[memory]") {
  // Two layers with 8 and 2 heads of K and V.
  const Model model = keys_only("llama", transformer(2, 1024, 8, {8, 2}, {1024}, 100, 128));
  Run run{.context = 256};
  const std::uint64_t row = 2 * 128 * 256;  // one head's cells
  CHECK(cache_sums(model, run).kv == row * (8 + 8 + 2 + 2));
  run.flash_attention = false;
  CHECK(cache_sums(model, run).kv == row * (8 + 8 + 2 + 8));
}

TEST_CASE("models without a cache have none", "[memory]") {
  for (const std::string name : {"bert", "modern-bert", "gemma-embedding", "nomic-bert", "dream", "llada"}) {
    CAPTURE(name);
    const CacheSums sums = cache_sums(keys_only(name, transformer(12, 768, 12, {12}, {3072}, 30522)), at(8192));
    CHECK(sums.kv == 0);
    CHECK(sums.state == 0);
  }
}

namespace {

constexpr std::uint64_t kHeads = 8192 * 2 * 8 * 128 * 2;  // K and V of 8 heads of 128 in F16, 8192 cells
constexpr std::uint64_t kLatent = 8192 * 576 * 2;         // the row of latent attention
constexpr std::uint64_t kKey = 8192 * 128 * 2;            // a key of an indexer

Keys eight_heads(std::uint32_t layers) { return transformer(layers, 4096, 32, {8}, {14336}, 1000, 128); }
Keys predicting(std::uint32_t blocks) { return {{"nextn_predict_layers", {blocks}}}; }

}  // namespace

TEST_CASE("blocks of multi-token prediction have no cache, but for a few architectures", "[memory]") {
  struct Row {
    std::string name;
    Keys keys;
    std::uint64_t kv;
  };
  const Keys latent_keys = transformer(4, 4096, 32, {1}, {14336}, 1000) + latent(512, 64);
  const Keys indexer{{"attention.indexer.key_length", {128}}, {"attention.indexer.top_k", {64}}};
  const Keys hybrid = transformer(4, 4096, 32, {0, 8, 0, 8}, {0, 0, 512, 0}, 1000, 128) + state_space(4, 64, 16, 1, 4);
  Keys hybrid_ffn = transformer(4, 4096, 32, {0, 8, 0, 8}, {0, 0, 512, 512}, 1000, 128) + state_space(4, 64, 16, 1, 4);
  const std::vector<Row> rows{
      {"glm4", eight_heads(4), 3 * kHeads},
      {"glm4moe", eight_heads(4), 3 * kHeads},
      {"exaone4", eight_heads(4), 3 * kHeads},
      {"exaone-moe", eight_heads(4), 3 * kHeads},  // nothing slides without the key
      {"bailingmoe2", eight_heads(4), 3 * kHeads},
      {"hy_v3", eight_heads(4), 3 * kHeads},
      {"llama", eight_heads(4), 3 * kHeads},
      {"not-there", eight_heads(4), 3 * kHeads},
      {"deepseek2", latent_keys, 3 * kLatent},
      {"mistral4", latent_keys, 3 * kLatent},
      {"deepseek32", latent_keys + indexer, 3 * (kLatent + kKey)},
      {"hy_v4", latent_keys + indexer, 4 * (kLatent + kKey)},
      {"graniteswitch", eight_heads(4), 4 * kHeads},
      // Layer 3 predicts: attention without a feed-forward part has a cache, any other has none.
      {"nemotron_h", hybrid, 2 * kHeads},
      {"nemotron_h", hybrid_ffn, kHeads},
      {"nemotron_h_moe", hybrid, 2 * kHeads},
      {"granitehybrid", hybrid, 2 * kHeads},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(cache_sums(keys_only(row.name, row.keys + predicting(1)), at(8192)).kv == row.kv);
  }
}

TEST_CASE("of a file with nothing but next-token blocks all have a cache", "[memory]") {
  CHECK(cache_sums(keys_only("glm4moe", eight_heads(2) + predicting(2)), at(8192)).kv == 2 * kHeads);
}

TEST_CASE("blocks that predict neither slide nor count for the size of a model that slides", "[memory]") {
  const auto kv = [](const std::string& name, const Keys& keys) {
    return cache_sums(keys_only(name, keys), at(8192)).kv;
  };
  // 64 layers of the trunk: every fourth sees everything, the others 1024 and 512 cells of the batch.
  const std::uint64_t sliding = 16 * kHeads + 48 * (kHeads / 8192 * 1536);
  CHECK(kv("exaone4", eight_heads(65) + window(1024) + predicting(1)) == sliding);
  CHECK(kv("exaone4", eight_heads(64) + window(1024) + predicting(1)) == 63 * kHeads);
}

TEST_CASE("where nothing slides without the window's key", "[memory]") {
  struct Row {
    std::string name;
    Keys keys;
    std::uint64_t sliding;  // of four layers
    std::uint64_t cells;
  };
  const Keys four = eight_heads(4);
  const Keys pattern{{"attention.sliding_window_pattern", {1, 0, 1, 1}}};
  const std::vector<Row> rows{
      {"smallthinker", four, 0, 0},
      {"smallthinker", four + window(0), 0, 0},
      {"smallthinker", four + window(100), 3, 4096 + 512},  // the engine's own width
      {"llama4", four, 3, 8192},
      {"llama4", four + window(0), 0, 0},
      {"exaone-moe", four, 0, 0},
      {"exaone-moe", four + window(128), 3, 768},
      {"afmoe", four, 0, 0},
      {"laguna", four, 0, 0},
      {"laguna", four + window(128), 3, 768},
      {"mellum", four, 0, 0},
      {"olmo2", four, 0, 0},
      {"plamo3", four, 0, 0},
      {"gemma3", four, 0, 0},
      {"gemma2", four, 2, 4096 + 512},
      {"maple", four + window(128), 0, 0},  // the array alone says which
      {"maple", four + window(128) + pattern, 3, 768},
      {"spark2_5", four + pattern, 0, 0},
      {"granite_swa", four + window(128) + pattern, 3, 768},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name, row.keys.size());
    const std::uint64_t expected = (4 - row.sliding) * kHeads + row.sliding * (kHeads / 8192 * row.cells);
    CHECK(cache_sums(keys_only(row.name, row.keys), at(8192)).kv == expected);
  }
}

TEST_CASE("layers without heads have V without flash attention, as wide as the widest", "[memory]") {
  const Model model = keys_only("deci", transformer(3, 1024, 8, {8, 0, 2}, {1024}, 100, 128));
  const std::uint64_t head = 2 * 128 * 256;
  Run run = at(256);
  CHECK(cache_sums(model, run).kv == head * (8 + 8 + 2 + 2));
  run.flash_attention = false;
  CHECK(cache_sums(model, run).kv == head * (8 + 8 + 0 + 8 + 2 + 8));
  // Recurrent layers of a hybrid are not in the cache at all.
  const Model hybrid =
      keys_only("jamba", transformer(3, 1024, 8, {8, 0, 2}, {1024}, 100, 128) + state_space(4, 64, 16, 0, 4));
  CHECK(cache_sums(hybrid, run).kv == head * (8 + 8 + 2 + 8));
}

TEST_CASE("MiniMax M3's indexer keeps K and V behind the dense layers", "[memory]") {
  const Model model = keys_only(
      "minimax-m3", eight_heads(4) + Keys{{"attention.indexer.key_length", {64}}, {"leading_dense_block_count", {1}}});
  CHECK(cache_sums(model, at(8192)).kv == 4 * kHeads + 3 * (kKey / 2 + kKey));
  Run small = at(8192);
  small.value_type = Dtype::Q8_0;
  CHECK(cache_sums(model, small).kv == 4 * (kHeads / 2 + kHeads / 4 * 34 / 32) + 3 * (kKey / 2 + kKey / 2 * 34 / 32));
}

TEST_CASE("sliding layers of latent attention have a row of their own width", "[memory]") {
  const Model model =
      keys_only("dots3note", transformer(2, 4096, 32, {1}, {14336}, 1000) + latent(512, 64) + window(256) +
                                 Keys{{"attention.key_length_swa", {320}},
                                      {"attention.indexer.key_length", {128}},
                                      {"attention.sliding_window_pattern", {0, 1}}});
  CHECK(cache_sums(model, at(8192)).kv == kLatent + kKey + 768 * 320 * 2);
}

TEST_CASE("DeepSeek V4: compressed cells, and all of them for each sequence of a unified cache", "[memory]") {
  const Model model = keys_only(
      "deepseek4", transformer(3, 1024, 8, {1}, {1024}, 100, 256) + window(128) +
                       Keys{{"attention.compress_ratios", {0, 4, 128}}, {"attention.indexer.key_length", {64}}});
  const std::uint64_t rows = 3 * 768 * 256 * 2;                          // the window in every layer
  const std::uint64_t apart = 512 * (256 + 64) * 2 + 256 * 256 * 2;      // of 2048 cells: 512 and one row of 256
  const std::uint64_t together = 2048 * (256 + 64) * 2 + 256 * 256 * 2;  // of 8192
  const std::uint64_t state = 4 * (2 * 8 * 2 * (256 + 64) + 2 * 128 * 256);
  CHECK(cache_sums(model, sequences(8192, 4, false)).kv == 4 * (rows + apart));
  CHECK(cache_sums(model, sequences(8192, 4, true)).kv == 4 * (rows + together));
  CHECK(cache_sums(model, sequences(8192, 4, true)).state == 4 * state);
}

TEST_CASE("a state that can go back has a row for each drafted token", "[memory]") {
  Run drafting = at(8192);
  drafting.drafted = 3;
  const auto rows = [&](const std::string& name, const Keys& keys) {
    const Model model = keys_only(name, keys);
    const std::uint64_t one = cache_sums(model, at(8192)).state;
    REQUIRE(one != 0);
    return cache_sums(model, drafting).state / one;
  };
  const Keys hybrid = transformer(4, 1024, 8, {0, 8, 0, 8}, {512}, 100, 128) + state_space(4, 64, 16, 1, 4);
  const Keys convolution = transformer(4, 1024, 8, {0, 8, 0, 8}, {512}, 100) + Keys{{"shortconv.l_cache", {3}}};
  const Keys kimi =
      transformer(4, 1024, 8, {0, 8, 0, 8}, {512}, 100) + Keys{{"ssm.conv_kernel", {4}}, {"kda.head_dim", {64}}};
  CHECK(rows("qwen35", hybrid) == 4);
  CHECK(rows("qwen35moe", hybrid) == 4);
  CHECK(rows("qwen4exp", hybrid) == 4);
  CHECK(rows("lfm2", convolution) == 4);
  CHECK(rows("lfm2moe", convolution) == 4);
  CHECK(rows("kimi-k3", kimi) == 4);
  CHECK(rows("bailingmoe3", kimi) == 4);
  CHECK(rows("kimi-linear", kimi) == 1);
  CHECK(rows("qwen3next", hybrid) == 1);
  CHECK(rows("jamba", hybrid) == 1);
}
