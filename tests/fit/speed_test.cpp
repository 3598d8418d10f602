#include "src/fit/speed.h"

#include "src/fit/layout.h"
#include "tests/fit/models.h"

using namespace weigh::core;
using namespace weigh::core::test;

TEST_CASE("the bound on speed counts what one token reads") {
  const Model dense = open("Llama-2-7B.Q8_0");
  Candidate candidate(dense, Engine::LlamaCpp);
  const DeviceSet devices = on("rtx-4090");
  const auto speed = speed_bound(candidate, Run(), devices);
  REQUIRE(speed);
  const MemoryNeed need = lay_out(candidate, Run(), devices).slots.front();
  const auto bandwidth = static_cast<double>(*devices.slots.front().device.bandwidth_bytes_per_second);
  CHECK(speed->empty == Approx(bandwidth / static_cast<double>(bytes(need.weights))).epsilon(0.001));
  CHECK(speed->full ==
        Approx(bandwidth / static_cast<double>(bytes(need.weights) + bytes(need.kv_cache))).epsilon(0.001));

  // Two of eight experts: less than a third of the weights.
  const Model mixtral = open("Mixtral-8x7B-v0.1");
  Candidate experts(mixtral, Engine::LlamaCpp, q4_k_m());
  const DeviceSet large = on("h100-sxm");
  const auto fast = speed_bound(experts, Run(), large);
  REQUIRE(fast);
  const double read = static_cast<double>(*large.slots.front().device.bandwidth_bytes_per_second) / fast->empty;
  CHECK(read < 0.33 * static_cast<double>(bytes(lay_out(experts, Run(), large).slots.front().weights)));
  CHECK_FALSE(speed_bound(experts, Run(), on("24GiB")));  // a size has no bandwidth
  // What the host reads counts with the host's bandwidth, and without it nothing can be said.
  Run moved;
  moved.cpu_moe_layers = 9;
  DeviceSet unknown = devices;
  unknown.host->slot.device.bandwidth_bytes_per_second = std::nullopt;
  CHECK_FALSE(speed_bound(experts, moved, unknown));
  // An assumed host has the usual memory of such machines.
  const auto assumed = speed_bound(experts, moved, devices);
  REQUIRE(assumed);
  CHECK(assumed->empty < fast->empty);
  const auto slow = speed_bound(experts, moved, together({"rtx-4090", "epyc-9004-768gb"}));
  REQUIRE(slow);
  CHECK(slow->empty < fast->empty);
}
