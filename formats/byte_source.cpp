#include "formats/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "formats/checked.h"
#include "formats/error.h"

namespace weigh::core {

namespace {

[[noreturn]] void fail_io(const char* what) { throw IoError(std::string(what) + ": " + std::strerror(errno)); }

void check_range(std::uint64_t offset, std::size_t length, std::uint64_t available) {
  const auto end = checked_add(offset, length);
  if (!end || *end > available) {
    throw IoError(
        "reading " + std::to_string(length) + " bytes: only " + std::to_string(available) + " bytes are there", offset);
  }
}

}  // namespace

std::uint64_t ByteSource::next_end(std::uint64_t read, std::uint64_t /*expected*/) const {
  constexpr std::uint64_t kLeast = std::uint64_t{16} << 10U;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 20U;
  return read + std::clamp(read / 4, kLeast, kMost);
}

void MemorySource::read(std::uint64_t offset, std::span<std::byte> into) {
  check_range(offset, into.size(), bytes_.size());
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
}

FileSource::FileSource(const std::string& path) {
  // O_NONBLOCK: opening a named pipe must fail below instead of waiting for a writer.
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
#ifdef O_NOATIME
  // A look at a model is no use of it. The system grants this to a file's owner alone.
  descriptor_ = ::open(path.c_str(), kFlags | O_NOATIME);
#endif
  if (descriptor_ < 0) descriptor_ = ::open(path.c_str(), kFlags);
  if (descriptor_ < 0) fail_io("cannot be opened");
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor_);
    throw IoError("is not a regular file");
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
#ifdef POSIX_FADV_RANDOM
  // Nobody reads what lies behind a header: the system need not fetch it.
  ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_RANDOM);
#endif
}

FileSource::~FileSource() { ::close(descriptor_); }

void FileSource::read(std::uint64_t offset, std::span<std::byte> into) {
  check_range(offset, into.size(), size_);
  while (!into.empty()) {
    const ssize_t got = ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_io("cannot be read");
    if (got == 0) throw IoError("the file became shorter while it was read", offset);
    into = into.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
}

std::vector<std::byte> read_all(ByteSource& source, std::uint64_t limit) {
  if (source.size() > limit) {
    throw IoError(fault("file size", std::to_string(source.size()) + " bytes", "at most " + std::to_string(limit)));
  }
  std::vector<std::byte> bytes(source.size());
  source.read(0, bytes);
  return bytes;
}

}  // namespace weigh::core
