// How far the memory model is from the engine: memory_error CORPUS MODELS
//
// CORPUS holds runtime/*.json, what an engine reported for runs of known models; MODELS the files they ran, as
// CORPUS/materialize.py makes them. Prints the error of each part for each run, worst first, and a summary. Exit status
// 0 when the targets of this project are met, 1 when one is missed, 2 for wrong usage, 77 when the corpus is not there.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/checkpoint/open_checkpoint.h"
#include "src/memory/memory.h"

namespace {

using nlohmann::json;
using weigh::core::Run;

constexpr int kSkipped = 77;

struct Parts {
  std::uint64_t cache = 0;  ///< KV cache and state
  std::uint64_t compute = 0;
  std::uint64_t weights = 0;
};

struct Result {
  std::string run;
  Parts ours, engine;

  [[nodiscard]] double total_error() const { return error(ours.cache + ours.compute, engine.cache + engine.compute); }
  [[nodiscard]] bool exact() const { return ours.cache == engine.cache && ours.weights == engine.weights; }
  static double error(std::uint64_t ours, std::uint64_t theirs) {
    if (theirs == 0) return ours == 0 ? 0 : 1;
    return static_cast<double>(ours) / static_cast<double>(theirs) - 1;
  }
};

std::optional<json> read_json(const std::filesystem::path& path) {
  std::ifstream stream(path);
  if (!stream) return std::nullopt;
  return json::parse(stream);
}

std::optional<weigh::core::Model> open_model(const std::filesystem::path& models, const std::string& name) {
  auto opened = weigh::core::open_checkpoints((models / (name + ".gguf")).string());
  if (opened.checkpoints.empty()) return std::nullopt;
  return weigh::core::describe(std::move(opened.checkpoints.front()));
}

Run run_of(const json& settings) {
  Run run;
  run.context = settings.value("n_ctx_asked", settings.value("n_ctx", 0U));
  run.key_type = run.value_type = weigh::core::dtype_from_name(settings.at("kv_type").get<std::string>()).value();
  run.sequences = settings.at("n_seq_max");
  run.unified_cache = settings.value("kv_unified", false);
  run.micro_batch = settings.at("n_ubatch");
  run.flash_attention = settings.at("flash_attn") != "off";
  run.full_window_cache = settings.value("swa_full", false);
  return run;
}

std::string describe_run(const std::string& name, const Run& run) {
  return fmt::format("{} {} {} fa {} ub {} np {}{}{}", name, *run.context, weigh::core::name(run.key_type),
                     run.flash_attention ? "on" : "off", run.micro_batch, run.sequences,
                     run.unified_cache ? " unified" : "", run.full_window_cache ? " swa-full" : "");
}

std::vector<Result> host_runs(const json& runtime, const std::filesystem::path& models) {
  std::vector<Result> results;
  for (const auto& [name, entry] : runtime.at("models").items()) {
    const auto model = open_model(models, name);
    for (const json& settings : entry.at("runs")) {
      const Run run = run_of(settings);
      Result result{.run = describe_run(name, run),
                    .ours = {},
                    .engine = {settings.at("cache_bytes"), settings.at("compute_bytes"), settings.at("model_bytes")}};
      if (model) {
        const weigh::core::MemoryNeed ours = weigh::core::measure(*model, run).need;
        result.ours = {ours.kv_cache.value_or(0) + ours.state.value_or(0), ours.compute.value_or(0),
                       ours.weights.value_or(0)};
      }
      results.push_back(std::move(result));
    }
  }
  return results;
}

Parts sum_of(const weigh::core::MemoryNeed& need) {
  return {need.kv_cache.value_or(0) + need.state.value_or(0), need.compute.value_or(0), need.weights.value_or(0)};
}

// Two results for each run: the device, and the host with all of its buffers.
std::vector<Result> split_runs(const json& runtime, const std::filesystem::path& models) {
  std::vector<Result> results;
  for (const auto& [name, runs] : runtime.at("models").items()) {
    const auto model = open_model(models, name);
    for (const json& settings : runs) {
      Run run = run_of(settings);
      run.gpu_layers = settings.at("n_gpu_layers").get<std::uint64_t>();
      const std::string label = fmt::format("{} ngl {}", describe_run(name, run), *run.gpu_layers);
      Result device{.run = label + " device", .ours = {}, .engine = {}};
      Result host{.run = label + " host", .ours = {}, .engine = {}};
      for (const json& buffer : settings.at("buffers")) {
        Parts& parts = buffer.at("where") == "device" ? device.engine : host.engine;
        parts.cache += buffer.at("cache").get<std::uint64_t>();
        parts.compute += buffer.at("compute").get<std::uint64_t>();
        parts.weights += buffer.at("model").get<std::uint64_t>();
      }
      const double all = 1;
      const auto split = model ? weigh::core::measure_split(*model, run, {&all, 1}) : std::nullopt;
      if (split) {
        device.ours = sum_of(split->devices.front().need);
        host.ours = sum_of(split->host.need);
      }
      results.push_back(std::move(device));
      results.push_back(std::move(host));
    }
  }
  return results;
}

void print(std::vector<Result>& results) {
  std::ranges::stable_sort(results, [](const Result& a, const Result& b) {
    return std::pair(a.exact(), -std::abs(a.total_error())) < std::pair(b.exact(), -std::abs(b.total_error()));
  });
  for (const Result& r : results) {
    fmt::print("{:+9.4f} %  weights {:+d}  cache {:+d}  compute {:+d} ({:+.3f} %)  {}\n", 100 * r.total_error(),
               static_cast<std::int64_t>(r.ours.weights - r.engine.weights),
               static_cast<std::int64_t>(r.ours.cache - r.engine.cache),
               static_cast<std::int64_t>(r.ours.compute - r.engine.compute),
               100 * Result::error(r.ours.compute, r.engine.compute), r.run);
  }
}

bool summarise_host(const std::vector<Result>& results) {
  const auto count = [&](auto holds) { return static_cast<std::size_t>(std::ranges::count_if(results, holds)); };
  const std::size_t all = results.size(), exact = count(&Result::exact);
  const std::size_t compute = count([](const Result& r) { return r.ours.compute == r.engine.compute; });
  const std::size_t one = count([](const Result& r) { return std::abs(r.total_error()) <= 0.01; });
  const std::size_t ten = count([](const Result& r) { return std::abs(r.total_error()) <= 0.10; });
  const std::size_t below = count([](const Result& r) { return r.total_error() < -0.001; });
  fmt::print(
      "{} runs on the host: weights and cache exact in {}, compute exact in {}, cache + compute within 1 % in {}, "
      "within 10 % in {}, below the engine's in {}\n",
      all, exact, compute, one, ten, below);
  return all > 0 && exact == all && 10 * one >= 9 * all && ten == all && below == 0;
}

bool summarise_split(const std::vector<Result>& results) {
  const auto exact = static_cast<std::size_t>(std::ranges::count_if(results, &Result::exact));
  fmt::print("{} memories of split runs: weights and cache exact in {}\n", results.size(), exact);
  return exact == results.size();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    fmt::print(stderr, "usage: memory_error CORPUS MODELS\n");
    return 2;
  }
  const std::filesystem::path runtime = std::filesystem::path(argv[1]) / "runtime";
  const auto host = read_json(runtime / "llama.cpp-v0.5.0-cpu.json");
  const auto split = read_json(runtime / "llama.cpp-v0.5.0-gpu-split.json");
  if (!host) {
    fmt::print("no corpus at {}\n", argv[1]);
    return kSkipped;
  }
  std::vector<Result> host_results = host_runs(*host, argv[2]);
  std::vector<Result> split_results = split ? split_runs(*split, argv[2]) : std::vector<Result>();
  print(host_results);
  print(split_results);
  const bool host_met = summarise_host(host_results);
  const bool split_met = summarise_split(split_results);
  return host_met && split_met ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const std::exception& error) {
  fmt::print(stderr, "memory_error: {}\n", error.what());
  return EXIT_FAILURE;
}
