#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace weigh::core {

/// A hash that nobody outside of this process can foresee: names from a stranger cannot be chosen to collide. Only the
/// time depends on its secret, no result does.
std::uint64_t keyed_hash(std::string_view name);

/// A part of a hash that stands beside a name's number in a table, so that hardly any name is looked at but an equal one.
constexpr std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32U); }

/// Gives each distinct name a number, 0, 1, 2, ... in the order they come. Keeps views: the names must live on.
class NameIndex {
 public:
  explicit NameIndex(std::size_t expected);
  std::uint32_t id(std::string_view name);
  /// The number of a name that came before, or `none`. It is found at once where it is the one after `last`, as names that
  /// come in the same order again are.
  [[nodiscard]] std::uint32_t find(std::string_view name, std::uint32_t last = none) const;
  [[nodiscard]] std::span<const std::string_view> names() const { return names_; }

  static constexpr std::uint32_t none = UINT32_MAX;

 private:
  struct Slot {
    std::uint32_t id = none;
    std::uint32_t tag = 0;
  };
  [[nodiscard]] std::size_t slot(std::uint64_t hash, std::string_view name) const;
  void grow();

  std::vector<Slot> slots_;
  std::vector<std::string_view> names_;
};

}  // namespace weigh::core
