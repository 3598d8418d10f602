#include "src/fit/fit.h"

#include <numeric>

#include "src/checkpoint/checkpoint.h"
#include "src/devices/units.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

Model open(const std::string& name) {
  OpenResult opened = open_checkpoints(std::string(WEIGH_TESTDATA "/snapshots/") + name + ".weigh.zst");
  REQUIRE(opened.checkpoints.size() == 1);
  return describe(std::move(opened.checkpoints.front()));
}

const Catalogue& catalogue() {
  static const Catalogue devices = Catalogue::built_in();
  return devices;
}

DeviceSet on(const std::string& request) { return device_set_of(catalogue().resolve(request)); }

DeviceSet together(const std::vector<std::string>& requests) {
  std::vector<Device> devices;
  for (const std::string& request : requests) devices.push_back(catalogue().resolve(request));
  return device_set_of(devices);
}

const QuantizerType* q4_k_m() { return find_quantizer_type("Q4_K_M"); }

std::uint64_t bytes(const std::optional<std::uint64_t>& part) {
  REQUIRE(part.has_value());
  return *part;
}

}  // namespace

TEST_CASE("layers on the host and on the device add up to the whole run") {
  const Model model = open("Llama-2-7B.Q8_0");
  Candidate candidate(model, Engine::LlamaCpp);
  Run run;
  const Footprint whole = candidate.whole(run);
  const DeviceSet device = on("rtx-4090");
  for (const std::uint64_t gpu_layers : {0, 1, 2, 16, 32, 33, 99}) {
    CAPTURE(gpu_layers);
    run.gpu_layers = gpu_layers;
    const Layout layout = lay_out(candidate, run, device);
    const Need& slot = layout.slots.front();
    // The output layer counts first.
    CHECK(layout.layers.front() == (gpu_layers == 0 ? 0 : std::min<std::uint64_t>(gpu_layers, 33) - 1));
    CHECK(layout.output.has_value() == (gpu_layers > 0));
    CHECK(bytes(slot.weights) + bytes(layout.host.weights) == bytes(whole.weights));
    CHECK(bytes(slot.kv_cache) + bytes(layout.host.kv_cache) == bytes(whole.kv_cache));
  }
}

TEST_CASE("several devices share whole layers, each within its own budget") {
  struct Case {
    std::vector<std::string> devices;
    Verdict verdict;
  };
  const Model model = open("Llama-2-13B-f16");
  Candidate candidate(model, Engine::LlamaCpp);
  const Run run;
  const std::uint64_t alone = bytes(lay_out(candidate, run, on("h100-sxm")).slots.front().weights);
  for (const Case& c : {Case{{"rtx-4090", "rtx-3060"}, Verdict::Fits}, Case{{"rtx-3060", "rtx-4090"}, Verdict::Fits},
                        Case{{"2x rtx-3090"}, Verdict::Fits}, Case{{"2x rtx-3060"}, Verdict::Over}}) {
    CAPTURE(c.devices);
    const DeviceSet devices = together(c.devices);
    const Fit fit = weigh_run(candidate, run, devices);
    CHECK(fit.verdict == c.verdict);
    const Layout layout = lay_out(candidate, run, devices);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < layout.slots.size(); ++i) {
      sum += bytes(layout.slots[i].weights);
      if (c.verdict == Verdict::Fits) CHECK(layout.slots[i].total() <= budget_of(devices.slots[i]).safe);
    }
    CHECK(sum == alone);
    CHECK(std::accumulate(layout.layers.begin(), layout.layers.end(), std::uint64_t{0}) == 40);
    CHECK(std::accumulate(layout.shares.begin(), layout.shares.end(), std::uint64_t{0}) == 41);
    CHECK(layout.output == layout.slots.size() - 1);
  }
}

TEST_CASE("no more goes to the host than must") {
  const Model mixtral = open("Mixtral-8x7B-v0.1");
  Candidate candidate(mixtral, Engine::LlamaCpp, q4_k_m());
  const DeviceSet device = on("rtx-4090");
  auto moved = moved_to_host(candidate, Run(), device);
  REQUIRE(moved);
  CHECK_FALSE(moved->gpu_layers);
  REQUIRE(moved->cpu_moe_layers > 1);
  CHECK(weigh_run(candidate, *moved, device).verdict == Verdict::Fits);
  --moved->cpu_moe_layers;
  CHECK(weigh_run(candidate, *moved, device).verdict != Verdict::Fits);

  const Model llama = open("Llama-2-13B.Q8_0");
  Candidate dense(llama, Engine::LlamaCpp);
  auto layers = moved_to_host(dense, Run(), on("rtx-3060"));
  REQUIRE(layers);
  CHECK(layers->cpu_moe_layers == 0);
  REQUIRE(layers->gpu_layers);
  CHECK(weigh_run(dense, *layers, on("rtx-3060")).verdict == Verdict::Fits);
  ++*layers->gpu_layers;
  CHECK(weigh_run(dense, *layers, on("rtx-3060")).verdict != Verdict::Fits);
  // On memory that both share nothing is won by moving.
  CHECK_FALSE(moved_to_host(dense, Run(), on("macbook-air-8gb")));
}

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

TEST_CASE("vLLM divides matrices and heads, and takes its own share of a device") {
  const Model model = open("Llama-2-7B-f16");
  Candidate candidate(model, Engine::Vllm);
  const Run run;
  const Footprint whole = candidate.whole(run);
  const Layout layout = lay_out(candidate, run, on("2x rtx-4090"));
  REQUIRE(layout.slots.size() == 2);
  for (const Need& slot : layout.slots) {
    CHECK(bytes(slot.weights) == bytes(whole.weights) / 2);
    CHECK(bytes(slot.kv_cache) == bytes(whole.kv_cache) / 2);
    CHECK(slot.compute == whole.compute);
  }
  const Device device = catalogue().resolve("rtx-3060");
  CHECK(budget_of(device, "vllm").safe == device.memory_bytes / 100 * 92 + device.memory_bytes % 100 * 92 / 100);
  CHECK(budget_of(device, "llama.cpp").safe == budget_of(device).safe);
}

TEST_CASE("the bound on speed counts what one token reads") {
  const Model dense = open("Llama-2-7B.Q8_0");
  Candidate candidate(dense, Engine::LlamaCpp);
  const DeviceSet devices = on("rtx-4090");
  const auto speed = speed_bound(candidate, Run(), devices);
  REQUIRE(speed);
  const Need need = lay_out(candidate, Run(), devices).slots.front();
  const auto bandwidth = static_cast<double>(*devices.slots.front().bandwidth_bytes_per_second);
  CHECK(speed->empty == Approx(bandwidth / static_cast<double>(bytes(need.weights))).epsilon(0.001));
  CHECK(speed->full ==
        Approx(bandwidth / static_cast<double>(bytes(need.weights) + bytes(need.kv_cache))).epsilon(0.001));

  // Two of eight experts: less than a third of the weights.
  const Model mixtral = open("Mixtral-8x7B-v0.1");
  Candidate experts(mixtral, Engine::LlamaCpp, q4_k_m());
  const DeviceSet large = on("h100-sxm");
  const auto fast = speed_bound(experts, Run(), large);
  REQUIRE(fast);
  const double read = static_cast<double>(*large.slots.front().bandwidth_bytes_per_second) / fast->empty;
  CHECK(read < 0.33 * static_cast<double>(bytes(lay_out(experts, Run(), large).slots.front().weights)));
  CHECK_FALSE(speed_bound(experts, Run(), on("24GiB")));  // a size has no bandwidth
  // What the host reads counts with the host's bandwidth, and without it nothing can be said.
  Run moved;
  moved.cpu_moe_layers = 9;
  CHECK_FALSE(speed_bound(experts, moved, devices));
  const auto slow = speed_bound(experts, moved, together({"rtx-4090", "epyc-9004-768gb"}));
  REQUIRE(slow);
  CHECK(slow->empty < fast->empty);
}

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

TEST_CASE("7 B in 4 bits on 8 GB: heads decide") {
  const Model llama = open("Llama-2-7B.Q4_0");
  Candidate candidate(llama, Engine::LlamaCpp);
  Run run;
  run.context = 4096;
  const Fit fit = weigh_run(candidate, run, on("macbook-air-8gb"));
  CHECK(fit.verdict == Verdict::No);
  CHECK(fit.cache_shape == "32 KV heads in each of 32 layers");
  const std::vector<Advice> advice = advise(candidate, run, on("macbook-air-8gb"), catalogue());
  REQUIRE_FALSE(advice.empty());
  CHECK(advice.front().kind == "context");
  REQUIRE(advice.front().flags.size() == 2);
  run.context = std::stoull(advice.front().flags[1]);
  CHECK(weigh_run(candidate, run, on("macbook-air-8gb")).verdict == Verdict::Fits);
}
