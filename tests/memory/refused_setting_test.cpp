#include "src/memory/refused_setting.h"

#include "tests/catch.h"
#include "tests/memory/published.h"

using namespace weigh::core;
using namespace weigh::core::test;

TEST_CASE("what llama.cpp does not start with, in its words", "[memory]") {
  struct Row {
    std::string what;
    Model model;
    Dtype key, value;
    bool flash_attention;
    std::string why;  // empty: it starts
  };
  const auto heads_of = [](std::uint32_t key, std::uint32_t value) {
    return keys_only("llama", transformer(2, 2560, 32, {32}, {10240}, 100) +
                                  Keys{{"attention.key_length", {key}}, {"attention.value_length", {value}}});
  };
  const auto grok = [] { return keys_only("grok", transformer(2, 6144, 48, {8}, {32768}, 100, 128)); };
  const std::string k = "K cache type q8_0 with block size 32 does not divide n_embd_head_k=80";
  const std::string v = "V cache type q4_0 with block size 32 does not divide n_embd_head_v=80";
  const std::string off = "quantized V cache requires flash_attn to be enabled";
  const Dtype f16 = Dtype::F16, q8 = Dtype::Q8_0, q4 = Dtype::Q4_0;
  std::vector<Row> rows;
  const auto add = [&](std::string what, Model model, Dtype key, Dtype value, bool flash, std::string why) {
    rows.push_back({std::move(what), std::move(model), key, value, flash, std::move(why)});
  };
  add("heads of 80", heads_of(80, 80), q8, q8, true, k);
  add("in 16 bits", heads_of(80, 80), f16, f16, true, "");
  add("V alone", heads_of(128, 80), q8, q4, true, v);
  add("V in 16 bits", heads_of(128, 80), q8, f16, true, "");
  add("K of 80 without flash attention", heads_of(80, 80), q8, f16, false, "");
  add("a quantized V without flash attention", heads_of(128, 128), f16, q8, false, off);
  add("a quantized K without flash attention", heads_of(128, 128), q8, f16, false, "");
  add("grok", grok(), q8, q8, true, "flash_attn is not compatible with Grok - forcing off; " + off);
  add("grok, switched off", grok(), q8, q8, false, off);
  add("grok, K alone", grok(), q8, f16, true, "");
  add("latent attention", deepseek_v3(), q8, q8, true, "");
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const RunModel model = read_run_model(row.model).value();
    const Run run{.key_type = row.key, .value_type = row.value, .flash_attention = row.flash_attention};
    CHECK(refused_setting(model, run).value_or("") == row.why);
    Run elsewhere = run;
    elsewhere.engine = Engine::Transformers;
    CHECK_FALSE(refused_setting(model, elsewhere));
  }
}
