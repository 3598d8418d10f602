#include "src/fit/context.h"

#include "src/fit/weigh_run.h"
#include "tests/fit/models.h"

using namespace weigh::core;
using namespace weigh::core::test;

TEST_CASE("the largest context fits and the next does not") {
  const Model model = open("Llama-2-7B.Q8_0");
  Candidate candidate(model, Engine::LlamaCpp);
  for (const char* device : {"8GiB", "9GiB", "10GiB", "macbook-air-8gb"}) {
    CAPTURE(device);
    Run run;
    const DeviceSet devices = on(device);
    const auto largest = largest_context(candidate, run, devices);
    run.context = largest ? largest->tokens : 256;
    CHECK((weigh_run(candidate, run, devices).verdict == Verdict::Fits) == largest.has_value());
    if (!largest) continue;
    CHECK(largest->is_models == (largest->tokens == 4096));
    run.context = largest->tokens + 256;
    if (!largest->is_models) CHECK(weigh_run(candidate, run, devices).verdict != Verdict::Fits);
  }
  CHECK_FALSE(largest_context(candidate, Run(), on("macbook-air-8gb")));
  CHECK(largest_context(candidate, Run(), on("8GiB")));
}
