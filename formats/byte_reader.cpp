#include "formats/byte_reader.h"

#include "formats/checked.h"

namespace weigh::core {

namespace {
// Real headers stay below 20 MB. A file that wants more is damaged or hostile, and its bytes would all be kept.
constexpr std::uint64_t kMaxHeader = std::uint64_t{1} << 30;
// What a file announces is believed up to here: vocabularies have up to 10 MB.
constexpr std::uint64_t kMostExpected = std::uint64_t{16} << 20;
}  // namespace

void ByteReader::fetch(std::uint64_t length, std::string_view field) {
  if (length > remaining()) {
    fail(position_, field, std::to_string(remaining()) + " bytes up to the end of the file", std::to_string(length),
         FindingCode::TruncatedHeader);
  }
  const std::uint64_t end = position_ + length;  // within the file, so it cannot wrap
  if (end > kMaxHeader)
    fail(position_, field, "a header of " + std::to_string(end) + " bytes", "at most 1 GiB", FindingCode::AbsurdCount);
  // Whoever reads twice what there is reads at most twice too much; what is announced is estimated from what was read.
  const std::uint64_t expected = std::min(expected_ + expected_ / 8, bytes_.size + kMostExpected);
  const std::uint64_t generous = std::max({2 * bytes_.size, expected, source_.first_read()});
  const std::uint64_t at_hand = std::min(source_.at_hand(), kMaxHeader);
  const std::uint64_t most = std::max(end, std::min({generous, source_.available(), kMaxHeader}));
  const std::uint64_t step = std::max(plus(end, source_.read_ahead()), source_.first_read());
  const std::uint64_t wanted = end <= at_hand ? at_hand : std::min(most, step);
  if (wanted > capacity_) {  // memory that is not written to yet costs nothing
    capacity_ = std::max(wanted, most);
    resize_bytes(bytes_.data, capacity_);
  }
  source_.read(bytes_.size, {bytes_.data.get() + bytes_.size, static_cast<std::size_t>(wanted - bytes_.size)});
  bytes_.size = wanted;
}

HeaderBytes ByteReader::take(std::uint64_t wanted) {
  if (wanted > bytes_.size / 2) return std::move(bytes_);
  HeaderBytes small;
  resize_bytes(small.data, wanted);
  small.size = wanted;
  if (wanted > 0) std::memcpy(small.data.get(), bytes_.data.get(), wanted);
  bytes_ = {};
  return small;
}

}  // namespace weigh::core
