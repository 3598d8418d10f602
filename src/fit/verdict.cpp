// Need against budget.
#include "src/fit/verdict.h"

#include <algorithm>
#include <array>
#include <limits>

#include "src/devices/rule.h"

namespace weigh::core {

namespace {

std::int64_t difference(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t kMaxSigned = std::numeric_limits<std::int64_t>::max();
  const auto distance = static_cast<std::int64_t>(std::min(apart(a, b), kMaxSigned));
  return a >= b ? distance : -distance;
}

// Bytes of the pieces that find no place when `count` devices with `room` bytes each take them in order, whole. Filling
// each device before the next is the best there is for pieces in a fixed order.
std::uint64_t left_over(const std::vector<std::uint64_t>& pieces, std::uint64_t count, std::uint64_t room) {
  std::uint64_t left = 0;
  std::uint64_t device = 1;
  std::uint64_t used = 0;
  for (const std::uint64_t piece : pieces) {
    if (left == 0 && piece > minus(room, used)) {
      ++device;
      used = 0;
    }
    const bool placed = left == 0 && device <= count && piece <= room;
    (placed ? used : left) = plus(placed ? used : left, piece);
  }
  return left;
}

// Bytes of a load that do not find a place on its devices when each may take `per_device` bytes: by sums and, for more
// than one device, piece by piece. The overhead of the load is that of all its devices here.
struct Shortfall {
  std::uint64_t by_sum = 0;
  std::uint64_t by_pieces = 0;

  [[nodiscard]] bool none() const { return by_sum == 0 && by_pieces == 0; }
  [[nodiscard]] std::uint64_t bytes() const { return std::max(by_sum, by_pieces); }
};

Shortfall shortfall(const Load& load, std::uint64_t per_device) {
  Shortfall result;
  const std::uint64_t total = load.need.total();
  result.by_sum = minus(total, times(per_device, load.count));
  if (load.count <= 1 || load.pieces.empty()) return result;
  const std::uint64_t share = divided_up(minus(total, load.need.weights.value_or(0)), load.count);
  result.by_pieces = share > per_device ? total : left_over(load.pieces, load.count, per_device - share);
  return result;
}

struct Judged {
  Verdict verdict = Verdict::Fits;
  FitHelp help;
};

// What there is to do about a load above the limit.
Judged judge_above_limit(const Load& load, const Budget& budget) {
  const Help help = rule_of(load.slot->device).help;
  if (help == Help::HostMemory) {
    return {Verdict::Over, {HelpKind::HostMemory, shortfall(load, budget.safe).bytes()}};
  }
  if (help == Help::Paging) return {Verdict::Over, {HelpKind::Paging, 0}};
  if (budget.raised <= budget.limit || !shortfall(load, budget.raised).none()) {
    return {Verdict::No, {help == Help::None ? HelpKind::NothingElse : HelpKind::BeyondSettings, 0}};
  }
  switch (help) {
    case Help::WiredLimit: return {Verdict::Over, {HelpKind::WiredLimit, budget.raised}};
    case Help::TtmPages: return {Verdict::Over, {HelpKind::TtmPages, budget.raised}};
    case Help::Entitlement: return {Verdict::Over, {HelpKind::Entitlement, 0}};
    default: return {Verdict::Over, {HelpKind::SharedMemory, 0}};
  }
}

Judged judge_load(const Load& load, const Budget& budget) {
  if (shortfall(load, budget.safe).none()) return {};
  if (shortfall(load, budget.limit).none()) return {Verdict::Tight, {}};
  return judge_above_limit(load, budget);
}

void add_budget(const Budget& budget, std::uint64_t count, Fit& fit) {
  fit.memory_bytes = plus(fit.memory_bytes, times(budget.memory, count));
  fit.limit_bytes = plus(fit.limit_bytes, times(budget.limit, count));
  fit.budget_bytes = plus(fit.budget_bytes, times(budget.safe, count));
  if (std::ranges::find(fit.budgets, budget) == fit.budgets.end()) fit.budgets.push_back(budget);
}

// Whether sums that are small enough are all that speaks for it. Of alike devices what counts is the figure that the
// verdict turns on.
bool only_sums_fit(const Fit& fit, bool alike) {
  if (fit.verdict == Verdict::Fits) return false;
  const bool above_limit = alike && fit.verdict >= Verdict::Over;
  return fit.need.total() <= (above_limit ? fit.limit_bytes : fit.budget_bytes);
}

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  constexpr auto kNames = std::to_array<std::string_view>({"fits", "tight", "over", "no"});
  return kNames[static_cast<std::size_t>(verdict)];
}

Fit judge(const Device& label, std::span<const Load> loads, std::optional<Engine> engine) {
  Fit fit;
  fit.device = label;
  fit.engine = engine;
  fit.verdict = Verdict::Fits;
  for (const Load& asked : loads) {
    const Budget& budget = asked.slot->budget(engine);
    Load load = asked;
    if (load.need.overhead) load.need.overhead = times(*load.need.overhead, load.count);
    fit.need = &asked == &loads.front() ? load.need : plus(fit.need, load.need);
    add_budget(budget, load.count, fit);
    const Judged judged = judge_load(load, budget);
    const bool worse = fit.help.kind == HelpKind::None || judged.verdict > fit.verdict;
    if (judged.help.kind != HelpKind::None && worse) fit.help = judged.help;
    fit.verdict = std::max(fit.verdict, judged.verdict);
  }
  fit.headroom_bytes = difference(fit.budget_bytes, fit.need.total());
  fit.on_devices = fit.verdict;
  fit.no_split = only_sums_fit(fit, loads.size() == 1);
  fit.on_each = loads.size() == 1 && loads.front().count > 1;
  return fit;
}

Fit judge(const DeviceSet& devices, const MemoryNeed& need, std::optional<Engine> engine) {
  const Load load{.slot = &devices.slots.front(), .count = devices.slots.size(), .need = need};
  return judge(devices.label, {&load, 1}, engine);
}

}  // namespace weigh::core
