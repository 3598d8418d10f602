#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "formats/byte_source.h"

namespace weigh::core {

/// A file compressed with zstd, shown decompressed. Decompresses from the start as far as it is asked, and keeps that.
class ZstdSource : public ByteSource {
 public:
  /// Throws FormatError when the frames are damaged.
  explicit ZstdSource(std::unique_ptr<ByteSource> packed);
  ~ZstdSource() override;

  [[nodiscard]] std::uint64_t size() const override { return size_; }
  void read(std::uint64_t offset, std::span<std::byte> into) override;

 private:
  struct Stream;

  std::unique_ptr<ByteSource> packed_;
  std::unique_ptr<Stream> stream_;
  std::vector<std::byte> plain_;
  std::uint64_t size_ = 0;
};

}  // namespace weigh::core
