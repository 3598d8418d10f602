#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weigh::core {

/// Where the shapes of a file's tensors are kept. What was kept stays where it is; a shape that came shortly before is kept
/// once: a model has many tensors, and few shapes.
class KeptShapes {
 public:
  /// A view of the same numbers, as long as this lives, wherever it is moved.
  std::span<const std::uint64_t> keep(std::span<const std::uint64_t> shape) {
    for (const auto& recent : recent_) {
      if (std::ranges::equal(recent, shape)) return recent;
    }
    if (parts_.empty() || parts_.back().capacity() - parts_.back().size() < shape.size()) {
      const std::size_t larger = parts_.empty() ? kFirst : std::min(2 * parts_.back().capacity(), kMost);
      parts_.emplace_back().reserve(std::max(larger, shape.size()));
    }
    std::vector<std::uint64_t>& part = parts_.back();  // within its capacity, so nothing in it moves
    part.insert(part.end(), shape.begin(), shape.end());
    next_ = (next_ + 1) % recent_.size();
    return recent_[next_] = std::span(part).last(shape.size());
  }

 private:
  static constexpr std::size_t kFirst = 64;  // dimensions
  static constexpr std::size_t kMost = 65536;

  std::vector<std::vector<std::uint64_t>> parts_;
  std::array<std::span<const std::uint64_t>, 4> recent_{};
  std::size_t next_ = 0;
};

}  // namespace weigh::core
