#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <ranges>
#include <string_view>
#include <vector>

#include "formats/name_index.h"

namespace weigh::core {

/// Indices of the elements whose name occurred before, in ascending order; `name_of(element)` is a view that lives on. A
/// table of numbers alone: 400,000 names take 8 MB, whoever chose them.
template <std::ranges::random_access_range Range, typename NameOf = std::identity>
std::vector<std::size_t> repeated_names(const Range& range, NameOf name_of = {}) {
  struct Slot {
    std::uint32_t next = 0;  // one more than the index of an element; 0: none
    std::uint32_t tag = 0;
  };
  std::vector<Slot> slots(std::bit_ceil(2 * range.size() + 1));
  // The table of a large model is larger than a processor's caches: a slot is fetched while names before it are compared.
  constexpr std::size_t kAhead = 16;
  std::array<std::uint64_t, kAhead> hashes{};
  const auto look_ahead = [&](std::size_t i) {
    if (i >= range.size()) return;
    const std::uint64_t hash = hashes[i % kAhead] = keyed_hash(std::invoke(name_of, range[i]));
    __builtin_prefetch(&slots[hash & (slots.size() - 1)]);
  };
  for (std::size_t i = 0; i + 1 < kAhead; ++i) look_ahead(i);
  std::vector<std::size_t> repeated;
  for (std::size_t i = 0; i < range.size(); ++i) {
    look_ahead(i + kAhead - 1);
    const std::string_view name = std::invoke(name_of, range[i]);
    const std::uint64_t hash = hashes[i % kAhead];
    const auto is_other = [&](const Slot& slot) {
      return slot.tag != tag_of(hash) || std::invoke(name_of, range[slot.next - 1]) != name;
    };
    std::size_t at = hash & (slots.size() - 1);
    while (slots[at].next != 0 && is_other(slots[at])) at = (at + 1) & (slots.size() - 1);
    if (slots[at].next != 0) {
      repeated.push_back(i);
    } else {
      slots[at] = {static_cast<std::uint32_t>(i + 1), tag_of(hash)};
    }
  }
  return repeated;
}

}  // namespace weigh::core
