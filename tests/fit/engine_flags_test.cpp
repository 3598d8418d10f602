#include "src/fit/engine_flags.h"

#include "tests/fit/models.h"

using namespace weigh::core;
using namespace weigh::core::test;

TEST_CASE("cache types go both ways") {
  for (const char* name : {"f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl", "fp8"}) {
    CAPTURE(name);
    Run run;
    REQUIRE(cache_type_by_name(name));
    run.key_type = run.value_type = *cache_type_by_name(name);
    CHECK(cache_type_text(run) == name);
  }
  CHECK_FALSE(cache_type_by_name("Q8_0"));
  CHECK_FALSE(cache_type_by_name("q4_k"));
  Run run;
  run.key_type = Dtype::Q8_0;
  CHECK(cache_type_text(run) == "q8_0,f16");
}
