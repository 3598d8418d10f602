// How far the memory model is from the engine, run by run.
//
// FOLDER holds what an engine reported for runs of known models (docs/conformance/README.md). Without an option that asks
// for something else, prints every run, the largest error of cache + compute first, then a table by architecture and the
// targets. Exit status 0 when the targets are met, 1 when one is missed, 2 for wrong usage.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/conformance/accuracy.h"
#include "tests/conformance/pages.h"
#include "tests/conformance/vectors.h"

namespace {

using namespace weigh::conformance;

constexpr std::string_view kUsage =
    "usage: memory_error FOLDER [OPTION...]\n"
    "  --arch NAME    the runs of one architecture\n"
    "  --table        the table by architecture alone\n"
    "  --markdown     docs/accuracy.md\n"
    "  --readme       the figure of README.md\n"
    "  --proven       src/memory/proven.inc\n"
    "  --at-least cache=N,compute=N,weights=N,split=N,above=N\n"
    "                 other targets: in how many runs\n";

struct Options {
  std::string folder;
  std::optional<std::string> architecture;
  std::string page;  // one of table, markdown, readme, proven; empty: everything in words
  std::map<std::string, std::size_t> least;
};

std::map<std::string, std::size_t> read_targets(std::string_view text) {
  std::map<std::string, std::size_t> targets;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos) throw std::invalid_argument("--at-least NAME=N,...");
    targets[std::string(one.substr(0, equals))] = std::stoul(std::string(one.substr(equals + 1)));
  }
  return targets;
}

std::optional<Options> read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool more = i + 1 < argc;
    if (word == "--arch" && more) {
      options.architecture = argv[++i];
    } else if (word == "--at-least" && more) {
      options.least = read_targets(argv[++i]);
    } else if (word == "--table" || word == "--markdown" || word == "--readme" || word == "--proven") {
      options.page = word.substr(2);
    } else if (!word.starts_with("-") && options.folder.empty()) {
      options.folder = word;
    } else {
      return std::nullopt;
    }
  }
  return options.folder.empty() ? std::nullopt : std::optional(options);
}

std::int64_t difference(std::uint64_t ours, std::uint64_t engine) { return static_cast<std::int64_t>(ours - engine); }

void print_runs(std::vector<Result> runs) {
  std::ranges::stable_sort(runs, [](const Result& a, const Result& b) {
    const auto wrong = [](const Result& r) { return r.weights_exact() && r.cache_exact() ? 0 : 1; };
    return std::tuple(std::abs(a.sum_error()), std::abs(a.compute_error()), wrong(a)) >
           std::tuple(std::abs(b.sum_error()), std::abs(b.compute_error()), wrong(b));
  });
  for (const Result& r : runs) {
    fmt::print("{:+9.4f} %  weights {:+d}  cache {:+d}  compute {:+d} ({:+.3f} %)  {} {}{}{}  [{}]\n",
               100 * r.sum_error(), difference(r.ours.weights, r.engine.weights),
               difference(r.ours.cache, r.engine.cache), difference(r.ours.compute, r.engine.compute),
               100 * r.compute_error(), r.model->name, r.settings, r.split() ? " " : "", r.memory,
               r.model->architecture);
  }
}

void print_table(const Results& results) {
  fmt::print("{:<16}{:>7}{:>6}{:>9}{:>7}{:>9}{:>9}{:>7}{:>7}{:>12}{:>12}\n", "architecture", "models", "runs",
             "weights", "cache", "compute", "0.1 %", "1 %", "below", "worst comp.", "worst sum");
  std::vector<Tally> rows = tally_by_architecture(results.runs);
  rows.push_back(tally(results.runs, false));
  rows.back().architecture = "all";
  for (const Tally& row : rows) {
    fmt::print("{:<16}{:>7}{:>6}{:>9}{:>7}{:>9}{:>9}{:>7}{:>7}{:>+10.2f} %{:>+10.2f} %\n", row.architecture, row.models,
               row.runs, row.weights_exact, row.cache_exact, row.compute_exact, row.compute_close,
               row.compute_one_percent, row.below, 100 * row.worst_compute, 100 * row.worst_sum);
  }
}

struct Target {
  std::string name;  // of --at-least
  std::string words;
  std::size_t reached = 0, all = 0, wanted = 0;
};

std::vector<Target> targets_of(const Results& results) {
  const Tally host = tally(results.runs, false);
  const Tally split = tally(results.runs, true);
  const auto both = static_cast<std::size_t>(std::ranges::count_if(
      results.runs, [](const Result& r) { return r.split() && r.weights_exact() && r.cache_exact(); }));
  return {{"weights", "weights exact", host.weights_exact, host.runs, host.runs},
          {"cache", "cache and state exact", host.cache_exact, host.runs, host.runs},
          {"compute", "compute within 0.1 %", host.compute_close, host.runs, (98 * host.runs + 99) / 100},
          {"above", "cache + compute not below the engine's by more than 4096 bytes", host.runs - host.below, host.runs,
           host.runs},
          {"split", "weights and cache of each memory of a split run exact", both, split.runs, split.runs}};
}

bool print_targets(const Results& results, const std::map<std::string, std::size_t>& least) {
  bool met = true;
  for (Target target : targets_of(results)) {
    if (const auto other = least.find(target.name); other != least.end()) target.wanted = other->second;
    const bool reached = target.reached >= target.wanted;
    met = met && reached;
    fmt::print("{}  {} in {} of {}, wanted {}\n", reached ? "met   " : "missed", target.words, target.reached,
               target.all, target.wanted);
  }
  const Tally split = tally(results.runs, true);
  if (split.runs > 0) {
    fmt::print("        split runs: compute of a memory exact in {} of {}, within 0.1 % in {}\n", split.compute_exact,
               split.runs, split.compute_close);
  }
  for (const Refusal& refusal : results.refusals) {
    fmt::print("        the engine refuses {} {}: {}\n", refusal.model->name, refusal.settings,
               refusal.refused ? "refused" : "counted as if it ran");
  }
  return met;
}

int run(const Options& options) {
  const Vectors vectors = read_vectors(options.folder);
  const Results results = count_all(vectors, options.architecture);
  if (results.runs.empty()) {
    fmt::print(stderr, "memory_error: no run{}\n", options.architecture ? " of " + *options.architecture : "");
    return EXIT_FAILURE;
  }
  if (options.page == "markdown") fmt::print("{}", accuracy_page(vectors, results));
  if (options.page == "readme") fmt::print("{}\n", readme_figure(results));
  if (options.page == "proven") fmt::print("{}", proven_list(results));
  if (options.page == "table") print_table(results);
  if (!options.page.empty()) return EXIT_SUCCESS;
  print_runs(results.runs);
  print_table(results);
  return print_targets(results, options.least) ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) try {
  const auto options = read_options(argc, argv);
  if (!options) {
    fmt::print(stderr, "{}", kUsage);
    return 2;
  }
  return run(*options);
} catch (const std::exception& error) {
  fmt::print(stderr, "memory_error: {}\n", error.what());
  return EXIT_FAILURE;
}
