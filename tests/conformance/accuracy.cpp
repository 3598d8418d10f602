#include "tests/conformance/accuracy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "src/memory/memory.h"
#include "src/memory/refused_setting.h"
#include "src/memory/run_model.h"

namespace weigh::conformance {

namespace {

std::string words_of(const core::Run& run) {
  std::string words = fmt::format("{} {} fa {} ub {} np {}{}{}", *run.context, core::name(run.key_type),
                                  run.flash_attention ? "on" : "off", run.micro_batch, run.sequences,
                                  run.unified_cache ? " unified" : "", run.full_window_cache ? " swa-full" : "");
  if (run.gpu_layers) words += fmt::format(" ngl {}", *run.gpu_layers);
  return words;
}

Figures figures_of(const core::MemoryNeed& need) {
  return {.weights = need.weights.value_or(0),
          .cache = need.kv_cache.value_or(0) + need.state.value_or(0),
          .compute = need.compute.value_or(0)};
}

void count_split(const RecordedModel& recorded, const core::Model& model, std::vector<Result>& results) {
  const double all = 1;
  for (const RecordedSplit& split : recorded.split_runs) {
    Result device{.model = &recorded, .settings = words_of(split.run), .memory = "device", .ours = {}, .engine = {}};
    Result host = device;
    host.memory = "host";
    device.engine = split.device;
    host.engine = split.host;
    if (const auto ours = core::measure_split(model, split.run, {&all, 1})) {
      device.ours = figures_of(ours->devices.front().need);
      host.ours = figures_of(ours->host.need);
    }
    results.push_back(std::move(device));
    results.push_back(std::move(host));
  }
}

// Of two errors the one that is farther from 0.
double farther(double a, double b) { return std::abs(b) > std::abs(a) ? b : a; }

}  // namespace

bool Result::compute_within(double share) const { return std::abs(compute_error()) <= share; }

double Result::error(std::uint64_t ours, std::uint64_t theirs) {
  if (theirs == 0) return ours == 0 ? 0 : 1;
  return static_cast<double>(ours) / static_cast<double>(theirs) - 1;
}

Results count_all(const Vectors& vectors, const std::optional<std::string>& architecture) {
  Results results;
  std::vector<Result> split;
  for (const RecordedModel& recorded : vectors.models) {
    if (architecture && recorded.architecture != *architecture) continue;
    const core::Model model = open_model(recorded);
    for (const RecordedRun& run : recorded.runs) {
      results.runs.push_back({.model = &recorded,
                              .settings = words_of(run.run),
                              .memory = {},
                              .ours = figures_of(core::measure(model, run.run).need),
                              .engine = run.engine});
    }
    for (const core::Run& run : recorded.refused) {
      const auto shape = core::read_run_model(model);
      const bool refused = shape && core::refused_setting(*shape, run).has_value();
      results.refusals.push_back({.model = &recorded, .settings = words_of(run), .refused = refused});
    }
    count_split(recorded, model, split);
  }
  std::ranges::move(split, std::back_inserter(results.runs));
  return results;
}

void Tally::add(const Result& result) {
  ++runs;
  weights_exact += result.weights_exact() ? 1 : 0;
  weights_close += result.weights_close() ? 1 : 0;
  cache_exact += result.cache_exact() ? 1 : 0;
  compute_exact += result.compute_exact() ? 1 : 0;
  compute_close += result.compute_within(kClose) ? 1 : 0;
  compute_one_percent += result.compute_within(0.01) ? 1 : 0;
  sum_close += std::abs(result.sum_error()) <= kClose ? 1 : 0;
  below += result.below() ? 1 : 0;
  worst_compute = farther(worst_compute, result.compute_error());
  worst_sum = farther(worst_sum, result.sum_error());
}

bool Tally::proven() const { return runs > 0 && weights_close == runs && cache_exact == runs && compute_close == runs; }

Tally tally(const std::vector<Result>& results, bool split) {
  Tally all;
  std::set<const RecordedModel*> models;
  for (const Result& result : results) {
    if (result.split() != split) continue;
    all.add(result);
    models.insert(result.model);
  }
  all.models = models.size();
  return all;
}

std::vector<Tally> tally_by_architecture(const std::vector<Result>& results) {
  std::map<std::string, std::vector<Result>> by_architecture;
  for (const Result& result : results) by_architecture[result.model->architecture].push_back(result);
  std::vector<Tally> rows;
  for (const auto& [architecture, some] : by_architecture) {
    rows.push_back(tally(some, false));
    rows.back().architecture = architecture;
  }
  std::ranges::stable_sort(rows, [](const Tally& a, const Tally& b) {
    return std::pair(std::abs(a.worst_sum), std::abs(a.worst_compute)) >
           std::pair(std::abs(b.worst_sum), std::abs(b.worst_compute));
  });
  return rows;
}

}  // namespace weigh::conformance
