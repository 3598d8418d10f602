#include "src/source/zstd_source.h"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <optional>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/little_endian.h"
#include "formats/snapshot.h"

namespace weigh::core {

namespace {

constexpr std::uint32_t kFrameMagic = 0xFD2FB528;
constexpr std::uint32_t kSkippableMagic = 0x184D2A50;  // the low 4 bits are free
constexpr std::size_t kLongestFrameHeader = 18;

std::vector<std::byte> read_up_to(ByteSource& source, std::uint64_t offset, std::size_t most) {
  std::vector<std::byte> bytes(std::min<std::uint64_t>(most, source.size() - std::min(offset, source.size())));
  source.read(offset, bytes);
  return bytes;
}

// The file by its pages: a stream of small blocks is read once, a stream of large ones a page for each.
class PagedReader {
 public:
  explicit PagedReader(ByteSource& source) : source_(source) {}

  [[nodiscard]] std::uint64_t size() const { return source_.size(); }

  /// Up to `most` bytes, which fit in a page; fewer at the end of the file. Valid until the next call.
  std::span<const std::byte> at(std::uint64_t offset, std::size_t most) {
    if (offset < begin_ || offset + most > begin_ + page_.size()) {
      page_ = read_up_to(source_, offset, kPage);
      begin_ = offset;
    }
    const std::span<const std::byte> rest = std::span(page_).subspan(static_cast<std::size_t>(offset - begin_));
    return rest.first(std::min(most, rest.size()));
  }

 private:
  static constexpr std::size_t kPage = 4096;

  ByteSource& source_;
  std::vector<std::byte> page_;
  std::uint64_t begin_ = 0;
};

// Length of the frame header at the start of `head` (RFC 8878, 3.1.1.1).
std::size_t frame_header_bytes(std::span<const std::byte> head) {
  constexpr std::array<std::size_t, 4> kContentSize = {0, 2, 4, 8};
  constexpr std::array<std::size_t, 4> kDictionary = {0, 1, 2, 4};
  const auto descriptor = static_cast<unsigned>(head[4]);
  const bool single_segment = (descriptor & 0x20U) != 0;
  const std::size_t content_size = descriptor >> 6U == 0 && single_segment ? 1 : kContentSize[descriptor >> 6U];
  return 5 + (single_segment ? 0 : 1) + kDictionary[descriptor & 3U] + content_size;
}

// The whole decompressed size, from the frames' own headers, hopping from block to block without decompressing any.
// Nothing when a frame does not state its size.
std::optional<std::uint64_t> stated_size(ByteSource& packed) {
  PagedReader source(packed);
  std::uint64_t total = 0;
  std::uint64_t at = 0;
  while (at < source.size()) {
    const std::span<const std::byte> head = source.at(at, kLongestFrameHeader);
    if (head.size() < 8)
      throw FormatError(fault("zstd frame", std::to_string(head.size()) + " bytes", "a frame header"), at);
    const auto magic = static_cast<std::uint32_t>(load_little_endian(head.first(4)));
    if ((magic & ~15U) == kSkippableMagic) {
      at += 8 + load_little_endian(head.subspan(4, 4));
      continue;
    }
    if (magic != kFrameMagic) throw FormatError(fault("zstd frame", "other bytes", "its magic number"), at);
    const unsigned long long size = ZSTD_getFrameContentSize(head.data(), head.size());
    if (size == ZSTD_CONTENTSIZE_UNKNOWN) return std::nullopt;
    const auto sum = size == ZSTD_CONTENTSIZE_ERROR ? std::nullopt : checked_add(total, size);
    if (!sum) throw FormatError(fault("zstd frame", "no valid size", "one"), at);
    total = *sum;

    const bool checksum = (static_cast<unsigned>(head[4]) & 4U) != 0;
    at += frame_header_bytes(head);
    for (bool last = false; !last;) {
      const std::span<const std::byte> block = source.at(at, 3);
      if (block.size() < 3) throw FormatError(fault("zstd frame", "the end of the file", "a block"), at);
      const std::uint64_t header = load_little_endian(block);
      last = (header & 1U) != 0;
      at += 3 + (((header >> 1U) & 3U) == 1 ? 1 : header >> 3U);  // type 1 repeats one byte
    }
    at += checksum ? 4 : 0;
  }
  if (at > source.size())
    throw FormatError(fault("zstd stream", "the end of the file", "the rest of a frame"), source.size());
  return total;
}

[[noreturn]] void fail_bomb(std::uint64_t most) {
  throw FormatError(fault("zstd stream", "more than " + std::to_string(most) + " bytes inside", "a model's"));
}

}  // namespace

struct ZstdSource::Stream {
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context{ZSTD_createDCtx(), ZSTD_freeDCtx};
  std::vector<std::byte> in;
  std::size_t in_at = 0;
  std::uint64_t packed_at = 0;

  // Fills `out` as far as the stream goes; returns the bytes written.
  std::size_t decompress(ByteSource& packed, std::span<std::byte> out) {
    ZSTD_outBuffer target{out.data(), out.size(), 0};
    while (target.pos < target.size) {
      if (in_at == in.size()) {
        if (packed_at == packed.size()) break;
        in = read_up_to(packed, packed_at, std::size_t{256} * 1024);
        packed_at += in.size();
        in_at = 0;
      }
      ZSTD_inBuffer input{in.data(), in.size(), in_at};
      const std::size_t result = ZSTD_decompressStream(context.get(), &target, &input);
      in_at = input.pos;
      if (ZSTD_isError(result) != 0) {
        throw FormatError("the zstd stream is damaged: " + std::string(ZSTD_getErrorName(result)), packed_at);
      }
    }
    return target.pos;
  }
};

ZstdSource::ZstdSource(std::unique_ptr<ByteSource> packed)
    : packed_(std::move(packed)), stream_(std::make_unique<Stream>()) {}

ZstdSource::~ZstdSource() = default;

std::uint64_t ZstdSource::size() const {
  if (!size_) size_ = stated_size(*packed_);
  // A stream that was compressed from a pipe does not state its size: only decompressing tells.
  if (!size_) size_ = counted_size();
  return *size_;
}

std::uint64_t ZstdSource::counted_size() const {
  const std::uint64_t most = most_unpacked(packed_->size());
  Stream counter;
  std::vector<std::byte> scratch(std::size_t{1} << 18U);
  std::uint64_t size = 0;
  for (std::size_t got = 1; got != 0; size += got) {
    if (size > most) fail_bomb(most);
    got = counter.decompress(*packed_, scratch);
  }
  return size;
}

void ZstdSource::read(std::uint64_t offset, std::span<std::byte> into) {
  const auto end = checked_add(offset, into.size());
  const std::uint64_t most = most_unpacked(packed_->size());
  if (!end || *end > most) {
    if (!end || *end > size()) throw IoError("reading behind the end of the decompressed file", offset);
    fail_bomb(most);
  }
  while (plain_.size() < *end) {
    const std::size_t before = plain_.size();
    plain_.resize(static_cast<std::size_t>(*end));
    const std::size_t got = stream_->decompress(*packed_, std::span(plain_).subspan(before));
    plain_.resize(before + got);
    if (got != 0) continue;
    if (*end > size()) throw IoError("reading behind the end of the decompressed file", offset);
    throw FormatError(fault("zstd stream", "its end", std::to_string(size()) + " bytes inside"), packed_->size());
  }
  std::copy_n(plain_.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
}

}  // namespace weigh::core
