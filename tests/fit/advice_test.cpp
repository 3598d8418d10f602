#include "src/fit/advice.h"

#include "src/fit/weigh_run.h"
#include "tests/fit/models.h"

using namespace weigh::core;
using namespace weigh::core::test;

TEST_CASE("7 B in 4 bits on 8 GB: heads decide") {
  const Model llama = open("Llama-2-7B.Q4_0");
  Candidate candidate(llama, Engine::LlamaCpp);
  Run run;
  run.context = 4096;
  const Fit fit = weigh_run(candidate, run, on("macbook-air-8gb"));
  CHECK(fit.verdict == Verdict::No);
  CHECK(fit.cache_shape.layers == 32);
  CHECK(fit.cache_shape.least_heads == 32);
  CHECK(fit.cache_shape.most_heads == 32);
  const std::vector<Advice> advice = advise(candidate, run, on("macbook-air-8gb"), catalogue(), Verdict::No);
  REQUIRE_FALSE(advice.empty());
  CHECK(advice.front().kind == AdviceKind::Context);
  REQUIRE(advice.front().flags.size() == 2);
  run.context = std::stoull(advice.front().flags[1]);
  CHECK(weigh_run(candidate, run, on("macbook-air-8gb")).verdict == Verdict::Fits);
}
