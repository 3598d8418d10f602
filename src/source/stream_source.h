#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "formats/byte_source.h"

namespace weigh::core {

/// The beginning of a pipe, kept as far as it was asked for. It takes from the pipe little more than that: what comes
/// after a header stays where it is. How long the whole is cannot be known: size() is larger than any file.
class StreamSource : public ByteSource {
 public:
  /// The descriptor stays open and belongs to the caller.
  explicit StreamSource(int descriptor) : descriptor_(descriptor) {}

  [[nodiscard]] std::uint64_t size() const override;
  /// At least a little more than was read, unless the stream has ended. Waits for it. Throws IoError.
  [[nodiscard]] std::uint64_t available() const override;
  /// Throws IoError when the stream ends before.
  void read(std::uint64_t offset, std::span<std::byte> into) override;

  /// What was taken from the stream so far.
  [[nodiscard]] std::span<const std::byte> taken() const { return taken_; }

 private:
  // Waits until that many bytes are there; false when the stream ends before.
  bool take(std::uint64_t count) const;

  int descriptor_;
  std::uint64_t asked_ = 0;  // the end of what was read
  // Looking at a stream takes from it.
  mutable std::vector<std::byte> taken_;
  mutable bool ended_ = false;
};

}  // namespace weigh::core
