#include "tests/conformance/pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

namespace weigh::conformance {

namespace {

std::string grouped(std::size_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

// "all" says more than the number a second time.
std::string share(std::size_t some, std::size_t all) { return some == all ? "all" : std::to_string(some); }

std::string of(std::size_t some, std::size_t all) { return fmt::format("{} of {}", grouped(some), grouped(all)); }

std::string percent(double error) { return std::abs(error) < 0.000005 ? "0" : fmt::format("{:+.2f} %", 100 * error); }

std::vector<std::string> proven_names(const Results& results) {
  std::vector<std::string> names;
  for (const Tally& row : tally_by_architecture(results.runs)) {
    if (row.proven()) names.push_back(row.architecture);
  }
  std::ranges::sort(names);
  return names;
}

std::string summary(const Results& results) {
  const Tally all = tally(results.runs, false);
  const std::size_t architectures = tally_by_architecture(results.runs).size();
  return fmt::format(
      "| {} runs of {} models, {} architectures | |\n| --- | --- |\n"
      "| weights to the byte | {} |\n| weights within 0.01 % | {} |\n| KV cache and state to the byte | {} |\n| "
      "compute buffer to the byte | {} |\n"
      "| compute buffer within 0.1 % | {} |\n| compute buffer within 1 % | {} |\n"
      "| cache, state and compute together within 0.1 % | {} |\n| the same below the engine's by more than 4,096 bytes "
      "| {} |\n"
      "| largest error of that sum | {} |\n| architectures proven | {} |\n",
      grouped(all.runs), all.models, architectures, of(all.weights_exact, all.runs), of(all.weights_close, all.runs),
      of(all.cache_exact, all.runs), of(all.compute_exact, all.runs), of(all.compute_close, all.runs),
      of(all.compute_one_percent, all.runs), of(all.sum_close, all.runs), of(all.below, all.runs),
      percent(all.worst_sum), of(proven_names(results).size(), architectures));
}

std::string architecture_table(const Results& results) {
  std::string table =
      "| architecture | models | runs | weights exact | cache exact | compute exact | within 0.1 % | within 1 % | "
      "worst compute "
      "| sum within 0.1 % | sum below | worst sum |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
  for (const Tally& row : tally_by_architecture(results.runs)) {
    table += fmt::format("| {}{} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n", row.architecture,
                         row.proven() ? " (proven)" : "", row.models, row.runs, share(row.weights_exact, row.runs),
                         share(row.cache_exact, row.runs), share(row.compute_exact, row.runs),
                         share(row.compute_close, row.runs), share(row.compute_one_percent, row.runs),
                         percent(row.worst_compute), share(row.sum_close, row.runs), row.below, percent(row.worst_sum));
  }
  return table;
}

std::string split_table(const Results& results) {
  std::string table =
      "| model | memory | runs | weights exact | cache exact | compute exact | within 0.1 % | within 1 % | worst "
      "compute |\n"
      "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
  std::vector<std::pair<std::string, Tally>> rows;
  for (const Result& result : results.runs) {
    if (!result.split()) continue;
    const std::string name = result.model->name + " | " + result.memory;
    auto row = std::ranges::find(rows, name, &std::pair<std::string, Tally>::first);
    if (row == rows.end()) row = rows.insert(rows.end(), {name, Tally{}});
    row->second.add(result);
  }
  for (const auto& [name, row] : rows) {
    table += fmt::format("| {} | {} | {} | {} | {} | {} | {} | {} |\n", name, row.runs,
                         share(row.weights_exact, row.runs), share(row.cache_exact, row.runs),
                         share(row.compute_exact, row.runs), share(row.compute_close, row.runs),
                         share(row.compute_one_percent, row.runs), percent(row.worst_compute));
  }
  return table;
}

std::string refusals(const Results& results) {
  std::string list;
  for (const Refusal& refusal : results.refusals) {
    list += fmt::format("- {}, {}: `weigh` {}.\n", refusal.model->name, refusal.settings,
                        refusal.refused ? "says so too" : "counts it as if it ran");
  }
  return list;
}

constexpr std::string_view kHead = R"(# Accuracy

How far the memory model is from {engine}, run by run. Do not edit this page: `memory_error` prints it, and a test fails
when it is out of date.

    cmake --build build/release --target regenerate_accuracy          this page, README's figure, the list of proven architectures
    build/release/tests/memory_error docs/conformance                 every run, the worst first
    build/release/tests/memory_error docs/conformance --arch gemma3   those of one architecture

Engine: {engine}, {backend}. The figures were {how}. [conformance/](conformance/README.md) has them all, with the headers
of the models, and holds any other estimator against them.

## Summary

)";

constexpr std::string_view kProven = R"(
An architecture is **proven** when it has recorded runs and in every one of them KV cache and state are right to the byte, the
compute buffer is within 0.1 % and the weights are within 0.01 % (padding of single tensors is not counted). The program holds the names of the proven ones (`src/memory/proven.inc`)
and no figure of a run. Its report says "exact for {engine}" for those alone, and only of a run in one host's memory without
a projector or a draft, as the recorded ones are.

)";

constexpr std::string_view kTable = R"(## By architecture

The largest error of cache, state and compute together ("sum") first. "Below" counts runs in which that sum is less than the
engine's by more than 4,096 bytes. Each architecture was run with contexts of 4,096 to 131,072, caches of f16, q8_0 and q4_0, flash
attention on and off, micro-batches of 128 to 2,048, one and four sequences, as far as the engine starts with them.

)";

constexpr std::string_view kSplit = R"(
## Runs split between a device and its host

The engine's {backend}. A host's pinned and ordinary buffers are counted together. Weights and cache are where the engine
puts them. That backend reorders the operations of each part, which is not modelled: it moves the device's compute
buffer, not the host's.

)";

constexpr std::string_view kUnknown = R"(
## What is not known

- One or two models stand for an architecture. Another model may have layers that these lack.
- No figure is compared for other engines, for other versions of llama.cpp, or for backends but the CPU's and the one above.
- The overhead of an engine and its driver, projectors of pictures and sound, and drafts are not in the recorded runs.
- All figures are those that the engine says it allocates. What a process is seen to use is more: libraries, its own heap.
- Architectures that are not in the table have no recorded run.
)";

std::string filled(std::string_view text, const Vectors& vectors, std::string_view backend) {
  return fmt::format(fmt::runtime(text), fmt::arg("engine", vectors.engine), fmt::arg("how", vectors.how),
                     fmt::arg("backend", backend));
}

}  // namespace

std::string accuracy_page(const Vectors& vectors, const Results& results) {
  std::string page = filled(kHead, vectors, vectors.backend) + summary(results) + filled(kProven, vectors, "");
  page += std::string(kTable) + architecture_table(results);
  if (!vectors.split_backend.empty()) page += filled(kSplit, vectors, vectors.split_backend) + split_table(results);
  if (!results.refusals.empty()) page += "\n## Settings that the engine refuses\n\n" + refusals(results);
  return page + std::string(kUnknown);
}

std::string readme_figure(const Results& results) {
  const Tally all = tally(results.runs, false);
  return fmt::format("cache and state exact in {}, compute within 0.1 % in {}, their sum below the engine's in {}",
                     of(all.cache_exact, all.runs), grouped(all.compute_close), grouped(all.below));
}

std::string proven_list(const Results& results) {
  std::string list =
      "// Architectures whose graph recorded runs prove (docs/accuracy.md), sorted. Made by memory_error --proven.\n";
  for (const std::string& name : proven_names(results)) list += fmt::format("\"{}\",\n", name);
  return list;
}

}  // namespace weigh::conformance
