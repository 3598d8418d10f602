// Need against budget.
#include "src/fit/verdict.h"

#include <algorithm>
#include <array>

#include "src/devices/rule.h"
#include "src/memory/serving.h"

namespace weigh::core {

namespace {

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
  FitReason reason;
};

// What there is to say about a load above the limit.
FitReason reason_above_limit(const Load& load, const Budget& budget) {
  const Help help = rule_of(load.slot->device).help;
  if (help == Help::HostMemory) return {ReasonKind::MoreOnHost, shortfall(load, budget.safe).bytes()};
  if (help == Help::Paging) return {ReasonKind::Paging};
  if (budget.raised <= budget.limit || !shortfall(load, budget.raised).none()) {
    return {help == Help::None ? ReasonKind::NothingElse : ReasonKind::BeyondSettings};
  }
  switch (help) {
    case Help::WiredLimit: return {ReasonKind::WiredLimit, budget.raised};
    case Help::TtmPages: return {ReasonKind::TtmPages, budget.raised};
    case Help::Entitlement: return {ReasonKind::Entitlement};
    default: return {ReasonKind::SharedMemory};
  }
}

Judged judge_load(const Load& load, const Budget& budget) {
  if (shortfall(load, budget.safe).none()) return {};
  if (shortfall(load, budget.limit).none()) return {Verdict::Tight, {}};
  return {Verdict::No, reason_above_limit(load, budget)};
}

// What one host has to take for all devices is added up.
void add_reason(const FitReason& reason, Fit& fit) {
  const bool both = reason.kind == ReasonKind::MoreOnHost && fit.reason.kind == reason.kind;
  if (both) fit.reason.bytes = plus(fit.reason.bytes, reason.bytes);
  if (fit.reason.kind == ReasonKind::None) fit.reason = reason;
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
  const bool above_limit = alike && fit.verdict == Verdict::No;
  return fit.need.total() <= (above_limit ? fit.limit_bytes : fit.budget_bytes);
}

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  constexpr auto kNames = std::to_array<std::string_view>({"fits", "tight", "offload", "no", "broken"});
  return kNames[static_cast<std::size_t>(verdict)];
}

void set_need(const MemoryNeed& need, Fit& fit) {
  fit.need = need;
  fit.headroom_bytes = signed_difference(fit.budget_bytes, need.total());
}

void refuse(const FitReason& reason, Verdict verdict, Fit& fit) {
  fit.verdict = verdict;
  fit.reason = reason;
  fit.placement = std::nullopt;
  fit.serving = std::nullopt;
  fit.host = std::nullopt;
}

void put_on_host(std::uint64_t bytes, const HostMemory& host, Fit& fit) {
  fit.host = HostShare{bytes, host.slot.budget, host.source};
  const bool has_room = bytes <= fit.host->budget.safe;
  fit.verdict = std::max(fit.verdict, has_room ? Verdict::Offload : Verdict::No);
  if (!has_room) fit.reason = {ReasonKind::HostTooSmall};
}

void offload_weights(const std::vector<std::uint64_t>& pieces, const DeviceSet& devices, Fit& fit) {
  if (fit.reason.kind != ReasonKind::MoreOnHost || !devices.host) return;
  const std::uint64_t excess = fit.reason.bytes;
  std::uint64_t moved = pieces.empty() ? excess : 0;
  const std::uint64_t in_use = pieces.empty() ? 0 : *std::ranges::max_element(pieces);
  for (auto piece = pieces.rbegin(); piece != pieces.rend() && moved < plus(excess, in_use); ++piece) {
    moved = plus(moved, *piece);
  }
  if (moved < excess) {
    fit.reason = {ReasonKind::NotEvenOnHost};
    return;
  }
  fit.verdict = Verdict::Offload;
  fit.on_devices = Verdict::Fits;
  fit.no_split = false;
  fit.reason = {ReasonKind::WeightsOnHost};
  put_on_host(moved, *devices.host, fit);
}

Fit judge(const Device& label, std::span<const Load> loads, std::optional<Engine> engine) {
  Fit fit;
  fit.device = label;
  fit.engine = engine;
  fit.verdict = Verdict::Fits;
  for (const Load& asked : loads) {
    const Budget& budget = asked.slot->budget;
    Load load = asked;
    if (load.need.overhead) load.need.overhead = times(*load.need.overhead, load.count);
    fit.need = &asked == &loads.front() ? load.need : plus(fit.need, load.need);
    add_budget(budget, load.count, fit);
    const Judged judged = judge_load(load, budget);
    add_reason(judged.reason, fit);
    fit.verdict = std::max(fit.verdict, judged.verdict);
  }
  set_need(fit.need, fit);
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
