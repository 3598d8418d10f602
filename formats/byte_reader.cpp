#include "formats/byte_reader.h"

namespace weigh::core {

namespace {
// Real headers stay below 20 MB. A file that wants more is damaged or hostile, and its bytes would all be kept.
constexpr std::uint64_t kMaxHeader = std::uint64_t{1} << 30;
// What a file announces is believed up to here: vocabularies have up to 10 MB.
constexpr std::uint64_t kMostExpected = std::uint64_t{16} << 20;
// A header that is larger than most, or says so, gets memory for a vocabulary at once: what is not written to costs nothing,
// and moving what was read does.
constexpr std::uint64_t kLarge = std::uint64_t{1} << 20;
constexpr std::uint64_t kRoomForLarge = std::uint64_t{24} << 20;
}  // namespace

void ByteReader::fetch(std::uint64_t length, std::string_view field) {
  if (length > remaining()) {
    fail(position_, field, std::to_string(remaining()) + " bytes up to the end of the file", std::to_string(length),
         FindingCode::TruncatedHeader);
  }
  const std::uint64_t end = position_ + length;  // within the file, so it cannot wrap
  if (end > kMaxHeader)
    fail(position_, field, "a header of " + std::to_string(end) + " bytes", "at most 1 GiB", FindingCode::AbsurdCount);
  const std::uint64_t most = std::max(end, std::min(source_.available(), kMaxHeader));
  const std::uint64_t next = source_.next_end(bytes_.size, std::min(expected_, bytes_.size + kMostExpected));
  const std::uint64_t at_hand = std::min(source_.at_hand(), kMaxHeader);
  const std::uint64_t wanted = end <= at_hand ? at_hand : std::clamp(next, end, most);
  if (wanted > room_) {
    const std::uint64_t generous = std::max(2 * room_, std::max(wanted, expected_) > kLarge ? kRoomForLarge : 0);
    room_ = std::max(wanted, std::min(generous, most));
    ByteBuffer larger = allocate_bytes(room_);
    if (bytes_.size > 0) std::memcpy(larger.get(), bytes_.data.get(), bytes_.size);
    bytes_.data = std::move(larger);
  }
  source_.read(bytes_.size, {bytes_.data.get() + bytes_.size, static_cast<std::size_t>(wanted - bytes_.size)});
  bytes_.size = wanted;
}

void ByteReader::reach(std::uint64_t end) {
  if (end > bytes_.size && end <= std::min(source_.available(), kMaxHeader)) fetch(end - position_, "padding");
}

HeaderBytes ByteReader::take(std::uint64_t wanted) {
  if (wanted > bytes_.size / 2) return std::move(bytes_);
  HeaderBytes small;
  small.size = std::min(wanted, bytes_.size);
  small.data = allocate_bytes(small.size);
  if (small.size > 0) std::memcpy(small.data.get(), bytes_.data.get(), small.size);
  bytes_ = {};
  return small;
}

}  // namespace weigh::core
