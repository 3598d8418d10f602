#include "src/fit/placement.h"

#include "src/devices/units.h"
#include "src/fit/weigh_run.h"
#include "tests/fit/models.h"

using namespace weigh::core;
using namespace weigh::core::test;

TEST_CASE("a host of known size must hold its part") {
  const Model mixtral = open("Mixtral-8x7B-v0.1");
  for (const auto& [host, verdict] :
       {std::pair{"raspberry-pi-5-16gb", Verdict::Offload}, std::pair{"raspberry-pi-5-4gb", Verdict::No}}) {
    CAPTURE(host);
    Candidate candidate(mixtral, Engine::LlamaCpp, q4_k_m());
    const DeviceSet devices = together({"rtx-4090", host});
    Fit fit = weigh_run(candidate, Run(), devices);
    add_placement(candidate, Run(), devices, fit);
    CHECK(fit.verdict == verdict);
    REQUIRE(fit.host);
    CHECK(fit.host->source == HostSource::Catalogue);
    CHECK((fit.host->need_bytes <= fit.host->budget.safe) == (verdict == Verdict::Offload));
    REQUIRE(fit.placement.has_value() == (verdict == Verdict::Offload));
    if (fit.placement) CHECK(fit.flags.size() == 4);  // -ngl and --n-cpu-moe
  }
}

TEST_CASE(
    "the parts of a run are its need, on any device and any number of them, and less is needed of a smaller one") {
  const std::vector<std::string> types = {"F16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K"};
  for (const char* name : {"Mixtral-8x7B-v0.1", "Llama-2-7B-f16"}) {
    const Model model = open(name);
    for (const char* device :
         {"rtx-4090", "rtx-3060", "2x rtx-3060", "3x rtx-4090", "arc-b580", "m2-ultra-192gb", "ram-64gb"}) {
      for (const std::uint64_t host : {16 * kGiB, 32 * kGiB, 128 * kGiB}) {
        std::uint64_t larger = kMaxDeviceBytes;
        Verdict worse = Verdict::No;
        for (const std::string& type : types) {
          CAPTURE(name, device, host, type);
          Candidate candidate(model, Engine::LlamaCpp, find_quantizer_type(type));
          const DeviceSet devices = device_set_of(catalogue().resolve(device), given_host(host));
          Fit fit = weigh_run(candidate, Run(), devices);
          const Run placed = add_placement(candidate, Run(), devices, fit);
          if (fit.placement) {
            std::uint64_t parts = fit.host ? fit.host->need_bytes : 0;
            for (const PlacedPart& part : fit.placement->devices) parts += part.need.total();
            CHECK(parts == fit.need.total());
            if (fit.verdict != Verdict::Tight) {
              for (const PlacedPart& part : fit.placement->devices) CHECK(part.need.total() <= part.budget_bytes);
            }
          }
          CHECK((fit.verdict == Verdict::Offload) == (fit.host && fit.host->need_bytes <= fit.host->budget.safe));
          // Whoever chose the flags.
          if (fit.verdict == Verdict::Offload) {
            const Fit stated = weigh_run(candidate, placed, devices);
            CHECK(stated.verdict == Verdict::Offload);
            CHECK(stated.need == fit.need);
          }
          CHECK(fit.need.total() <= larger);
          CHECK(fit.verdict <= worse);
          larger = fit.need.total();
          worse = fit.verdict;
        }
      }
    }
  }
}
