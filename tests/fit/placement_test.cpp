#include "src/fit/placement.h"

#include "src/fit/weigh_run.h"
#include "tests/fit/models.h"

using namespace weigh::core;
using namespace weigh::core::test;

TEST_CASE("a host of known size must hold its part") {
  const Model mixtral = open("Mixtral-8x7B-v0.1");
  for (const auto& [host, verdict] :
       {std::pair{"raspberry-pi-5-16gb", Verdict::Over}, std::pair{"raspberry-pi-5-4gb", Verdict::No}}) {
    CAPTURE(host);
    Candidate candidate(mixtral, Engine::LlamaCpp, q4_k_m());
    const DeviceSet devices = together({"rtx-4090", host});
    Fit fit = weigh_run(candidate, Run(), devices);
    add_placement(candidate, Run(), devices, fit);
    CHECK(fit.verdict == verdict);
    REQUIRE(fit.placement);
    CHECK(fit.placement->fits == (verdict == Verdict::Over));
    CHECK(fit.placement->flags.size() == 4);  // -ngl and --n-cpu-moe
  }
}
