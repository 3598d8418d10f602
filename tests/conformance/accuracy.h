#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/conformance/vectors.h"

namespace weigh::conformance {

/// One memory of one run, as this project counts it and as the engine reported it.
struct Result {
  const RecordedModel* model = nullptr;
  std::string settings;  ///< in words
  std::string memory;    ///< of a split run: "device" or "host"
  Figures ours, engine;

  [[nodiscard]] bool split() const { return !memory.empty(); }
  [[nodiscard]] double sum_error() const { return error(ours.sum(), engine.sum()); }  ///< 0.01: 1 % above the engine's
  [[nodiscard]] double compute_error() const { return error(ours.compute, engine.compute); }
  [[nodiscard]] bool weights_exact() const { return ours.weights == engine.weights; }
  /// Padding of single tensors may be missing.
  [[nodiscard]] bool weights_close() const { return std::abs(error(ours.weights, engine.weights)) <= 0.0001; }
  [[nodiscard]] bool cache_exact() const { return ours.cache == engine.cache; }
  [[nodiscard]] bool compute_exact() const { return ours.compute == engine.compute; }
  [[nodiscard]] bool compute_within(double share) const;
  /// Cache and compute together fall short of the engine's by more than a page.
  [[nodiscard]] bool below() const { return ours.sum() + kPage < engine.sum(); }

 private:
  static constexpr std::uint64_t kPage = 4096;
  static double error(std::uint64_t ours, std::uint64_t theirs);
};

/// Where the engine gives no context, and what this project says.
struct Refusal {
  const RecordedModel* model = nullptr;
  std::string settings;
  bool refused = false;  ///< here as well
};

struct Results {
  std::vector<Result> runs;  ///< on one host first, then each memory of split runs
  std::vector<Refusal> refusals;
};

/// Counts every recorded run, those of one architecture where one is named.
Results count_all(const Vectors& vectors, const std::optional<std::string>& architecture);

/// How many of some results are how close.
struct Tally {
  std::string architecture;
  std::size_t models = 0, runs = 0;
  std::size_t weights_exact = 0, weights_close = 0, cache_exact = 0, compute_exact = 0, compute_close = 0,
              compute_one_percent = 0;
  std::size_t sum_close = 0, below = 0;
  double worst_compute = 0;  ///< the error that is largest, with its sign
  double worst_sum = 0;

  void add(const Result& result);
  /// Of every run, of which there is one: cache to the byte, weights within 0.01 % and compute within 0.1 %.
  [[nodiscard]] bool proven() const;
};

/// How close "close" is.
inline constexpr double kClose = 0.001;

/// Of all runs on one host, or of all memories of split runs.
Tally tally(const std::vector<Result>& results, bool split);

/// Of the runs on one host, by architecture, the largest error of the sum first.
std::vector<Tally> tally_by_architecture(const std::vector<Result>& results);

}  // namespace weigh::conformance
