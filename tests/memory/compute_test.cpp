#include "src/memory/compute.h"

#include "src/memory/split.h"
#include "tests/catch.h"
#include "tests/memory/published.h"

using namespace weigh::core;
using namespace weigh::core::test;

namespace {

Run at_8192(std::uint64_t outputs, bool flash_attention = true) {
  return {.context = 8192, .flash_attention = flash_attention, .outputs = outputs};
}

// Of one device that holds everything, beside a host.
SplitNeed offloaded(const Model& model, const Run& run) {
  const double all = 1;
  return split_need(model, read_run_model(model).value(), run, {&all, 1});
}

double device_mib(const Model& model, const Run& run) {
  return mib(offloaded(model, run).devices.front().need.compute.value());
}

}  // namespace

TEST_CASE("the device's compute buffer is the engine's", "[memory]") {
  // As measured on llama.cpp: 8192 cells, micro-batch 512, flash attention, one row of logits.
  struct Row {
    std::string what;
    Model model;
    double mib;
  };
  std::vector<Row> rows;
  const auto add = [&](std::string what, Model model, double expected) {
    rows.push_back({std::move(what), std::move(model), expected});
  };
  add("Llama-2-7B", llama_2_7b(), 96.51);
  add("Llama-2-13B", keys_only("llama", transformer(40, 5120, 40, {40}, {13824}, 32000)), 119.01);
  add("Llama-3-8B", llama_3_8b(), 116.01);
  add("Llama-3-70B", keys_only("llama", transformer(80, 8192, 64, {8}, {28672}, 128256)), 224.01);
  add("Mixtral-8x7B", mixtral_8x7b(), 200.01);
  add("Qwen2.5-7B", keys_only("qwen2", transformer(28, 3584, 28, {4}, {18944}, 152064)), 140.01);
  add("Qwen3-8B", keys_only("qwen3", transformer(36, 4096, 32, {8}, {12288}, 151936, 128)), 104.01);
  add("Qwen3-32B", keys_only("qwen3", transformer(64, 5120, 64, {8}, {25600}, 151936, 128)), 194.01);
  add("Qwen3-30B-A3B",
      keys_only("qwen3moe", transformer(48, 2048, 32, {4}, {6144}, 151936, 128) + experts(128, 8, 768)), 92.01);
  add("Gemma-2-9B", gemma_2_9b(), 118.52);
  add("Gemma-3-4B", keys_only("gemma3", transformer(34, 2560, 8, {4}, {10240}, 262144, 256) + window(1024)), 83.52);
  add("Gemma-3-12B", keys_only("gemma3", transformer(48, 3840, 16, {8}, {15360}, 262144, 256) + window(1024)), 122.52);
  add("Gemma-3-27B", gemma_3_27b(), 164.52);
  add("gpt-oss-20b",
      keys_only("gpt-oss", transformer(24, 2880, 64, {8}, {2880}, 201088, 64) + window(128) + experts(32, 4, 2880)),
      95.52);
  add("Command-R7B", command_r7b(), 128.52);
  add("Falcon-H1-7B", falcon_h1_7b(), 95.01);
  add("DeepSeek-V3", deepseek_v3(), 386.01);
  add("DeepSeek-V2-Lite, expanded", deepseek_v2_lite_expanded(), 84.13);
  add("Llama-4-Scout", llama_4_scout(), 104.02);
  add("Qwen3-Next-80B", qwen_3_next_80b(), 90.01);
  add("Qwen3.5-27B", qwen_3_5_27b(), 130.02);
  add("LFM2-1.2B", lfm2_1_2b(), 64.03);
  add("Kimi-Linear-48B", kimi_linear_48b(), 109.00);
  add("Mamba-2.8B", mamba_2_8b(), 60.43);
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(device_mib(row.model, at_8192(1)) == Approx(row.mib).margin(0.011));
  }
}

TEST_CASE("all rows of logits are a part of their own", "[memory]") {
  CHECK(device_mib(llama_3_8b(), at_8192(512)) == Approx(258.50).margin(0.006));
  CHECK(device_mib(gemma_3_27b(), at_8192(512)) == Approx(522.50).margin(0.006));
}

TEST_CASE("without flash attention the score matrix is there", "[memory]") {
  CHECK(device_mib(llama_3_8b(), at_8192(1, false)) == Approx(564.01).margin(0.006));
  CHECK(device_mib(deepseek_v3(), at_8192(1, false)) == Approx(2442).margin(0.5));
}

TEST_CASE("what is estimated lies above the engine's figure, and not far", "[memory]") {
  struct Row {
    std::string what;
    Model model;
    double mib;
  };
  std::vector<Row> rows;
  rows.push_back({"Gemma-3n-E4B", gemma_3n_e4b(), 158.52});
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const double estimate = device_mib(row.model, at_8192(1));
    CHECK(estimate >= row.mib * 0.999);
    CHECK(estimate <= row.mib * 1.25);
  }
}

TEST_CASE("the compute buffer grows with the micro-batch and not with the depth", "[memory]") {
  Run run = at_8192(1);
  const double one = device_mib(llama_3_8b(), run);
  run.micro_batch = 2048;
  CHECK(device_mib(llama_3_8b(), run) == Approx(4 * one).epsilon(0.001));
  const Model deep = keys_only("llama", transformer(64, 4096, 32, {8}, {14336}, 128256));
  CHECK(device_mib(deep, at_8192(1)) == one);
}

TEST_CASE("the host beside a device holds what goes in", "[memory]") {
  const auto model = read_run_model(llama_3_8b()).value();
  CHECK(mib(offloaded(llama_3_8b(), at_8192(1)).host.need.compute.value()) == Approx(24.01).margin(0.006));
  CHECK(host_output_bytes(model, at_8192(1)) == 4U * 128256);
}

TEST_CASE("a header that asks for too much gets no figure", "[memory]") {
  const auto many =
      read_run_model(keys_only("llama", transformer(512, 64, 8, {8}, {64}, 100) + experts(1024, 1024, 64)));
  CHECK_FALSE(whole_compute_bytes(many.value(), Run{}));
  const auto wide = read_run_model(keys_only("llama", transformer(2, 200000000, 8, {8}, {200000000}, 200000000)));
  CHECK_FALSE(whole_compute_bytes(wide.value(), {.context = 1 << 30, .batch = 1 << 30, .micro_batch = 1 << 30}));
  CHECK_FALSE(read_run_model(keys_only("llama", transformer(2, 4000000000, 8, {8}, {4000000000}, 4000000000))));
}
