#include "src/fit/engine_flags.h"

#include "src/devices/catalogue.h"
#include "src/fit/weigh_run.h"
#include "tests/fit/models.h"

using namespace weigh::core;
using namespace weigh::core::test;

TEST_CASE("cache types go both ways") {
  for (const char* name : {"f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl", "fp8"}) {
    CAPTURE(name);
    Run run;
    REQUIRE(cache_type_by_name(name));
    run.key_type = run.value_type = cache_type_by_name(name)->dtype;
    run.scale_per_head = cache_type_by_name(name)->scale_per_head;
    CHECK(cache_type_text(run) == name);
  }
  CHECK_FALSE(cache_type_by_name("Q8_0"));
  CHECK_FALSE(cache_type_by_name("q4_k"));
  Run run;
  run.key_type = Dtype::Q8_0;
  CHECK(cache_type_text(run) == "q8_0,f16");
}

TEST_CASE("llama.cpp is told what drafts, and the types of its cache") {
  const Model model = open("Llama-2-13B.Q8_0");
  const Model draft = open("Llama-2-7B.Q4_0");
  const DeviceSet devices = device_set_of(Catalogue::built_in().resolve("64GiB"));
  const auto line = [&](const Companion& companion, const Run& run) {
    Candidate candidate(model, Engine::LlamaCpp, nullptr, {companion});
    return command_line(candidate, run, devices, weigh_run(candidate, run, devices));
  };
  const auto has = [](const std::string& text, const std::string& part) { return text.find(part) != text.npos; };
  Run run;
  CHECK(has(line({CompanionRole::Draft, &draft}, run), " -md "));
  CHECK_FALSE(has(line({CompanionRole::Draft, &draft}, run), "-ctkd"));
  run.draft_key_type = Dtype::Q8_0;
  CHECK(has(line({CompanionRole::Draft, &draft}, run), " -ctkd q8_0 -c "));
  run.draft_value_type = Dtype::Q4_0;
  CHECK(has(line({CompanionRole::Prediction, nullptr}, run), " --spec-type draft-mtp -ctkd q8_0 -ctvd q4_0 -c "));
}
