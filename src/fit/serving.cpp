#include "src/fit/serving.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "src/devices/rule.h"
#include "src/devices/units.h"
#include "src/fit/companions.h"
#include "src/fit/verdict.h"
#include "src/memory/engines.h"

namespace weigh::core {

namespace {

// Cards with kernels for MXFP4, by the beginning of a device's id.
constexpr auto kNativeMxfp4 = std::to_array<std::string_view>(
    {"h100", "h200", "h800", "h20-", "gh200", "b100", "b200", "b300", "gb200", "gb300"});

bool begins_with_any(std::string_view chip, std::span<const std::string_view> names) {
  return std::ranges::any_of(names, [&](std::string_view name) { return chip.starts_with(name); });
}

// A device with memory of its own goes by what its driver gives; any other, and a plain size, by what is safe of it,
// unless the user asks for a share.
ServedCard card_of(const Slot& slot, const Run& run) {
  const Device& device = slot.device;
  const std::string chip = (device.member.empty() ? device.id : device.member) + '-';
  ServedCard card{.memory_bytes = device.memory_bytes};
  card.a100 = chip.starts_with("a100");
  card.native_mxfp4 = begins_with_any(chip, kNativeMxfp4);
  card.whole = !has_host_memory(device);
  card.total_bytes = card.whole && !run.serving.share ? slot.budget.safe : slot.budget.limit;
  if (!card.whole && device.limit_is_free && device.limit_bytes) {
    Device idle = device;
    idle.limit_bytes = std::nullopt;
    idle.limit_is_free = false;
    card.total_bytes = budget_of(idle).limit;
    card.free_bytes = device.limit_bytes;
  }
  return card;
}

}  // namespace

bool is_served(const Candidate& candidate) {
  return traits_of(candidate.engine()).pools && candidate.run_model() != nullptr;
}

ServingStart serve(Candidate& candidate, const Run& run, const DeviceSet& devices) {
  std::vector<ServedCard> cards;
  std::vector<std::uint64_t> shares(devices.slots.size(), 1);
  for (const Slot& slot : devices.slots) cards.push_back(card_of(slot, run));
  for (const CompanionNeed& needs : companion_needs(candidate, run, shares, false)) {
    for (std::size_t i = 0; i < cards.size(); ++i) {
      cards[i].taken_bytes = plus(cards[i].taken_bytes, needs.slots[i].total());
    }
  }
  return *engine_start(candidate.source(), *candidate.run_model(), run, cards);
}

std::vector<Slot> served_slots(const DeviceSet& devices, const ServingStart& start) {
  std::vector<Slot> slots = devices.slots;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const CardStart& card = start.cards[i];
    Budget& budget = slots[i].budget;
    const bool by_share = has_host_memory(slots[i].device) || card.safe_bytes != budget.safe;
    budget.safe = card.safe_bytes;
    if (!by_share) continue;
    budget.limit = budget.raised = card.limit_bytes;
    budget.rule = BudgetRule::EngineShare;
    budget.share = card.share;
  }
  return slots;
}

void judge_start(const Run& run, ServingStart start, Fit& fit) {
  Serving& serving = fit.serving.emplace(std::move(start.serving));
  const bool known = fit.counted_whole();
  const bool holds = !known || serving.max_concurrency >= static_cast<double>(run.sequences);
  fit.verdict = fit.on_devices = serving.starts && holds ? Verdict::Fits : Verdict::No;
  fit.no_split = false;
  fit.reason = {};
  if (!serving.starts) {
    fit.reason = {ReasonKind::NotStarted, 0, serving.error};
  } else if (!holds) {
    fit.reason = {ReasonKind::NotStarted, 0,
                  fmt::format("its pool holds {:.2f} requests of {} tokens at a time, not {}", serving.max_concurrency,
                              serving.length, run.sequences)};
  }
}

}  // namespace weigh::core
