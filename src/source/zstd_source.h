#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "formats/byte_source.h"

namespace weigh::core {

/// A file compressed with zstd, shown decompressed. Decompresses from the start as far as it is asked, and keeps that; no
/// more than most_unpacked() of the file's bytes.
class ZstdSource : public ByteSource {
 public:
  explicit ZstdSource(std::unique_ptr<ByteSource> packed);
  ~ZstdSource() override;

  /// From the frames' headers, and by decompressing all where they do not state it. Throws FormatError when the frames
  /// are damaged, or hold far more than a model.
  [[nodiscard]] std::uint64_t size() const override;
  /// Throws FormatError when the frames are damaged up to there.
  void read(std::uint64_t offset, std::span<std::byte> into) override;

 private:
  struct Stream;

  std::uint64_t counted_size() const;

  std::unique_ptr<ByteSource> packed_;
  std::unique_ptr<Stream> stream_;
  std::vector<std::byte> plain_;
  mutable std::optional<std::uint64_t> size_;  // known when somebody has asked
};

}  // namespace weigh::core
