#include "src/source/stream_source.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include "formats/error.h"

namespace weigh::core {

namespace {
constexpr std::uint64_t kNoEnd = std::uint64_t{1} << 62U;
constexpr std::uint64_t kAhead = 512;       // enough to tell what a file is
constexpr std::uint64_t kAheadShare = 16;   // of what was read: headers that are long are read in fewer steps
constexpr std::size_t kAtOnce = 64 * 1024;  // what a pipe holds
}  // namespace

std::uint64_t StreamSource::size() const {
  if (asked_ == 0 && !take(1)) return 0;
  return kNoEnd;
}

std::uint64_t StreamSource::available() const {
  take(asked_ + std::max(kAhead, asked_ / kAheadShare));
  return taken_.size();
}

void StreamSource::read(std::uint64_t offset, std::span<std::byte> into) {
  const std::uint64_t end = offset + into.size();
  if (!take(end)) {
    throw IoError("ends after " + std::to_string(taken_.size()) + " bytes, before the end of the header", taken_.size(),
                  FindingCode::TruncatedHeader);
  }
  asked_ = std::max(asked_, end);
  std::ranges::copy(std::span(taken_).subspan(static_cast<std::size_t>(offset), into.size()), into.begin());
}

bool StreamSource::take(std::uint64_t count) const {
  std::array<std::byte, kAtOnce> piece;
  while (taken_.size() < count && !ended_) {
    const ssize_t got = ::read(descriptor_, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw IoError("cannot be read: " + std::generic_category().message(errno));
    ended_ = got == 0;
    taken_.insert(taken_.end(), piece.begin(), piece.begin() + got);
  }
  return taken_.size() >= count;
}

}  // namespace weigh::core
