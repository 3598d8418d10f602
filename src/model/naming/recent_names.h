#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "src/model/naming/tensor_name.h"

namespace weigh::core {

/// What the last few groups of names mean, where the names of a group differ in their number alone: most of a large model
/// are its experts, whose tensors take turns. They are asked in that order.
template <typename Meaning>
class RecentNames {
 public:
  struct Found {
    std::uint64_t number;
    const Meaning* meaning;
  };

  std::optional<Found> find(std::string_view name) {
    for (std::size_t i = 0; i < count_; ++i) {
      const std::size_t at = (next_ + i) % count_;
      const auto number = groups_[at].name.number_of(name);
      if (!number) continue;
      next_ = at + 1;
      return Found{*number, &groups_[at].meaning};
    }
    return std::nullopt;
  }

  void add(const NumberedName& name, Meaning meaning) {
    groups_[oldest_] = {name, std::move(meaning)};
    oldest_ = (oldest_ + 1) % groups_.size();
    count_ = count_ < groups_.size() ? count_ + 1 : count_;
  }

 private:
  struct Group {
    NumberedName name;
    Meaning meaning;
  };
  std::array<Group, 8> groups_{};
  std::size_t count_ = 0;
  std::size_t next_ = 0;
  std::size_t oldest_ = 0;
};

}  // namespace weigh::core
