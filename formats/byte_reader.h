#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <string_view>

#include "formats/byte_source.h"
#include "formats/error.h"
#include "formats/model_file.h"

namespace weigh::core {

/// A cursor over the start of a file that fetches more of it as it goes. Every read names its field, so that running
/// off the end reads "byte 0x1a4: tensor count: found 3 bytes, expected 8". Positions stay valid, addresses do not:
/// what the cursor passed is turned into views once reading is over.
class ByteReader {
 public:
  explicit ByteReader(ByteSource& source) : source_(source), file_bytes_(source.size()) {}

  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] std::uint64_t remaining() const { return file_bytes_ - position_; }
  void set_byte_order(std::endian order) { order_ = order; }

  template <typename T>
  T read(std::string_view field) {
    need(sizeof(T), field);
    std::array<std::byte, sizeof(T)> raw;
    std::memcpy(raw.data(), bytes_.data.get() + position_, sizeof(T));
    if (order_ != std::endian::native) std::ranges::reverse(raw);
    position_ += sizeof(T);
    return std::bit_cast<T>(raw);
  }

  /// Moves on over `length` bytes, fetching them. Throws FormatError when the file ends before.
  void skip(std::uint64_t length, std::string_view field) {
    need(length, field);
    position_ += length;
  }

  /// What comes after the current position is said to end there, more or less: the next fetch reaches so far.
  void expect(std::uint64_t end) { expected_ = end; }

  /// Fetches the bytes up to `end` as far as they are there, and moves nowhere.
  void reach(std::uint64_t end);

  /// A view of what was passed; valid until the next read.
  [[nodiscard]] std::string_view passed(std::uint64_t offset, std::uint64_t length) const {
    return {reinterpret_cast<const char*>(bytes_.data.get() + offset), static_cast<std::size_t>(length)};
  }

  /// The first `wanted` bytes as far as they were fetched, and whatever follows them; the reader is spent. A header far
  /// smaller than what was fetched is moved to a place of its size: one of 399 parts is.
  HeaderBytes take(std::uint64_t wanted);

 private:
  void need(std::uint64_t length, std::string_view field) {
    if (length > bytes_.size - position_) fetch(length, field);
  }
  void fetch(std::uint64_t length, std::string_view field);

  ByteSource& source_;
  std::uint64_t file_bytes_;
  HeaderBytes bytes_;
  std::uint64_t room_ = 0;  // for that many bytes there is memory
  std::uint64_t position_ = 0;
  std::uint64_t expected_ = 0;
  std::endian order_ = std::endian::little;
};

}  // namespace weigh::core
