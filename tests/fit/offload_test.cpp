#include "src/fit/offload.h"

#include "src/fit/weigh_run.h"
#include "tests/fit/models.h"

using namespace weigh::core;
using namespace weigh::core::test;

TEST_CASE("no more goes to the host than must") {
  const Model mixtral = open("Mixtral-8x7B-v0.1");
  Candidate candidate(mixtral, Engine::LlamaCpp, q4_k_m());
  const DeviceSet device = on("rtx-4090");
  auto moved = moved_to_host(candidate, Run(), device);
  REQUIRE(moved);
  CHECK_FALSE(moved->gpu_layers);
  REQUIRE(moved->cpu_moe_layers > 1);
  CHECK(weigh_run(candidate, *moved, device).verdict == Verdict::Offload);
  --moved->cpu_moe_layers;
  CHECK(weigh_run(candidate, *moved, device).verdict != Verdict::Fits);

  const Model llama = open("Llama-2-13B.Q8_0");
  Candidate dense(llama, Engine::LlamaCpp);
  auto layers = moved_to_host(dense, Run(), on("rtx-3060"));
  REQUIRE(layers);
  CHECK(layers->cpu_moe_layers == 0);
  REQUIRE(layers->gpu_layers);
  CHECK(weigh_run(dense, *layers, on("rtx-3060")).verdict == Verdict::Offload);
  ++*layers->gpu_layers;
  CHECK(weigh_run(dense, *layers, on("rtx-3060")).verdict != Verdict::Fits);
  // On memory that both share nothing is won by moving.
  CHECK_FALSE(moved_to_host(dense, Run(), on("macbook-air-8gb")));
}
