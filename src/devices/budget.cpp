// One rule per kind of memory and maker: what the driver gives, what is safe, what the engine's own context takes.
#include "src/devices/budget.h"

#include <algorithm>
#include <array>

#include "formats/checked.h"
#include "src/devices/rule.h"
#include "src/devices/units.h"

namespace weigh::core {

namespace {

// bytes * numerator / denominator, rounded down, without the product ever growing beyond `bytes`.
constexpr std::uint64_t part(std::uint64_t bytes, std::uint64_t numerator, std::uint64_t denominator) {
  return bytes / denominator * numerator + bytes % denominator * numerator / denominator;
}

// The driver's share is known or assumed; then llama.cpp's own margin decides below about 19 GiB, vLLM's share above.
Budget discrete(const Device& device, std::uint64_t driver_bytes) {
  constexpr std::uint64_t kMargin = kGiB;
  Budget budget;
  budget.limit = device.limit_bytes.value_or(minus(device.memory_bytes, driver_bytes));
  const std::uint64_t share = part(device.memory_bytes, 92, 100);
  const std::uint64_t rest = minus(budget.limit, kMargin);
  budget.safe = std::min(rest, share);
  budget.held_back = driver_bytes;
  if (share <= rest) {
    budget.rule = BudgetRule::ShareOfMemory;
  } else if (device.limit_bytes) {
    budget.rule = device.limit_is_free ? BudgetRule::FreeLessMargin : BudgetRule::DriverLessMargin;
  } else {
    budget.rule = BudgetRule::MemoryLessDriver;
  }
  return budget;
}

Budget nvidia(const Device& device) { return discrete(device, 512 * kMiB); }
Budget amd_or_intel(const Device& device) { return discrete(device, 256 * kMiB); }

// What Metal reports up to macOS 15; macOS 26 gives more.
std::uint64_t metal_working_set(std::uint64_t memory) {
  constexpr std::uint64_t kPage = 16384;
  if (memory > 32 * kGiB) return part(memory, 3, 4);
  return part(memory, 2, 3) / kPage * kPage + kPage;  // one page is always added
}

Budget apple(const Device& device) {
  const std::uint64_t memory = device.memory_bytes;
  Budget budget;
  budget.limit = device.limit_bytes.value_or(metal_working_set(memory));
  budget.raised = minus(memory, std::max(4 * kGiB, memory / 16));
  const std::uint64_t share = part(memory, 7, 10);
  budget.safe = std::min(share, budget.limit);
  // A limit that is not the default was set by hand, or is that of a newer macOS.
  const bool usual = budget.limit == metal_working_set(memory);
  if (share <= budget.limit) {
    budget.rule = BudgetRule::AppleShare;
  } else {
    budget.rule = usual ? BudgetRule::AppleDefault : BudgetRule::AppleLimit;
  }
  return budget;
}

Budget unified(const Device& device) {
  const std::uint64_t memory = device.memory_bytes;
  Budget budget;
  budget.limit = device.limit_bytes.value_or(memory / 2);
  budget.raised = minus(memory, 2 * kGiB);
  const std::uint64_t for_system = std::max(2 * kGiB, memory / 8);
  const std::uint64_t rest = minus(budget.limit, kGiB);
  budget.safe = std::min(rest, minus(memory, for_system));
  const bool margin_decides = rest <= minus(memory, for_system);
  budget.rule = margin_decides ? BudgetRule::UnifiedLessMargin : BudgetRule::UnifiedLessSystem;
  budget.held_back = for_system;
  return budget;
}

Budget cpu(const Device& device) {
  const std::uint64_t memory = device.memory_bytes;
  const std::uint64_t for_system = std::min(memory / 4, 6 * kGiB);
  Budget budget;
  budget.limit = device.limit_bytes.value_or(minus(memory, kGiB));
  budget.safe = minus(memory, for_system);
  const bool free_decides = device.limit_is_free && budget.limit < budget.safe;
  budget.rule = free_decides ? BudgetRule::CpuFree : BudgetRule::CpuLessSystem;
  budget.held_back = for_system;
  return budget;
}

Budget phone(const Device& device) {
  const std::uint64_t memory = device.memory_bytes;
  Budget budget;
  budget.limit = device.limit_bytes.value_or(memory / 2);
  budget.raised = part(memory, 3, 4);
  budget.safe = part(memory, 3, 8);
  budget.rule = BudgetRule::PhoneShare;
  return budget;
}

Budget other_accelerator(const Device& device) {
  Budget budget;
  budget.limit = device.limit_bytes.value_or(part(device.memory_bytes, 95, 100));
  budget.safe = part(device.memory_bytes, 90, 100);
  budget.rule = BudgetRule::AcceleratorShare;
  return budget;
}

Budget as_given(const Device& device) {
  Budget budget;
  budget.limit = device.memory_bytes;
  budget.safe = device.memory_bytes;
  budget.rule = BudgetRule::AsGiven;
  return budget;
}

constexpr std::string_view kDriver = "what the driver gives";

// The first row that matches counts, so a maker's row comes before the one for all others.
constexpr auto kRules = std::to_array<DeviceRule>({
    {DeviceKind::DiscreteGpu, "AMD", "", amd_or_intel, 500 * kMiB, Help::HostMemory, kDriver},
    {DeviceKind::DiscreteGpu, "Intel", "", amd_or_intel, 200 * kMiB, Help::HostMemory, kDriver},
    {DeviceKind::DiscreteGpu, "", "", nvidia, 500 * kMiB, Help::HostMemory, kDriver},
    {DeviceKind::Accelerator, "NVIDIA", "", nvidia, 500 * kMiB, Help::HostMemory, kDriver},
    {DeviceKind::Accelerator, "AMD", "", amd_or_intel, 500 * kMiB, Help::HostMemory, kDriver},
    {DeviceKind::Accelerator, "Intel", "gaudi", other_accelerator, 500 * kMiB, Help::None, kDriver},
    {DeviceKind::Accelerator, "Intel", "", amd_or_intel, 200 * kMiB, Help::HostMemory, kDriver},
    {DeviceKind::Accelerator, "", "", other_accelerator, 500 * kMiB, Help::None, kDriver},  // TPU, Trainium, Inferentia
    {DeviceKind::AppleUnified, "", "", apple, 100 * kMiB, Help::WiredLimit, "what macOS gives"},
    {DeviceKind::Unified, "AMD", "", unified, 500 * kMiB, Help::TtmPages, kDriver},
    {DeviceKind::Unified, "Intel", "", unified, 200 * kMiB, Help::SharedMemory, kDriver},
    {DeviceKind::Unified, "", "", unified, 500 * kMiB, Help::SharedMemory, kDriver},
    {DeviceKind::Cpu, "", "", cpu, 150 * kMiB, Help::Paging, "what the system leaves"},
    {DeviceKind::Phone, "", "", phone, 100 * kMiB, Help::Entitlement, "what an app gets"},
    {DeviceKind::Size, "", "", as_given, 500 * kMiB, Help::None, "the size given"},
});

}  // namespace

const DeviceRule& rule_of(const Device& device) {
  const std::string& maker = device.maker.empty() ? device.vendor : device.maker;
  const std::string& chip = device.member.empty() ? device.id : device.member;
  return *std::ranges::find_if(kRules, [&](const DeviceRule& rule) {
    return rule.kind == device.kind && (rule.maker.empty() || rule.maker == maker) && chip.starts_with(rule.chip);
  });
}

Budget budget_of(const Device& device) {
  Budget budget = rule_of(device).budget(device);
  // The rules are for real devices; for a tiny or odd one from a user's file, what they promise stays in order.
  budget.memory = device.memory_bytes;
  budget.limit = std::min(budget.limit, budget.memory);
  budget.safe = std::min(budget.safe, budget.limit);
  budget.raised = std::clamp(budget.raised, budget.limit, budget.memory);
  budget.stated_limit = device.limit_bytes;
  budget.limit_is_free = device.limit_is_free;
  return budget;
}

bool has_host_memory(const Device& device) { return rule_of(device).help == Help::HostMemory; }

std::uint64_t engine_overhead(const Device& device) { return rule_of(device).engine_overhead; }

}  // namespace weigh::core
