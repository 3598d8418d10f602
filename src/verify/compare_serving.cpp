#include "src/verify/compare_serving.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace weigh::core {
namespace {

using Value = std::optional<std::int64_t>;

Value of(std::uint64_t figure) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(figure, std::uint64_t{1} << 62));
}

/// In 1/10,000, as a log's is.
Value of_ratio(double ratio) {
  constexpr double kMost = 1e12;
  return std::isfinite(ratio) && std::abs(ratio) < kMost ? Value(std::llround(ratio * 10'000)) : std::nullopt;
}

struct ServingPart {
  LogPart part;
  Value (*figure)(const Serving& serving);
};

constexpr std::array kParts{
    ServingPart{LogPart::Requested, [](const Serving& s) { return of(s.requested_bytes); }},
    ServingPart{LogPart::Weights, [](const Serving& s) { return of(s.weight_bytes); }},
    ServingPart{LogPart::Activation, [](const Serving& s) { return of(s.activation_bytes); }},
    ServingPart{LogPart::Outside, [](const Serving& s) { return of(s.outside_bytes); }},
    ServingPart{LogPart::Graphs, [](const Serving& s) { return of(s.graph_bytes); }},
    ServingPart{LogPart::AvailableCache, [](const Serving& s) { return Value(s.available_bytes); }},
    ServingPart{LogPart::RequestCache, [](const Serving& s) { return of(s.request_bytes); }},
    ServingPart{LogPart::Blocks, [](const Serving& s) { return of(s.blocks); }},
    ServingPart{LogPart::PoolTokens, [](const Serving& s) { return of(s.pool_tokens); }},
    ServingPart{LogPart::Concurrency, [](const Serving& s) { return of_ratio(s.max_concurrency); }},
};

}  // namespace

VerifiedRun compare_serving(const LogRun& run, const Serving* serving) {
  VerifiedRun verified;
  for (const ServingPart& row : kParts) {
    const auto printed = std::ranges::find(run.figures, row.part, &LogFigure::part);
    if (printed == run.figures.end()) continue;
    VerifiedRow& compared = verified.rows.emplace_back(row_of(row.part, printed->device, printed->value));
    if (row.part == LogPart::Weights) compared.rule = "docs/serving.md 4.1";
    if (serving != nullptr) compared.weigh = row.figure(*serving);
  }
  verified.engine_error = run.error;
  if (serving != nullptr) {
    verified.weigh_error = serving->error;
    if (!run.error.empty() && serving->starts) verified.weigh_error = "it starts";
    verified.assumptions = serving->assumptions;
  }
  return verified;
}

}  // namespace weigh::core
