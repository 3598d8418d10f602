#include "src/audit/unpacked.h"

#include <bzlib.h>
#define lzma_nothrow  // it is loaded when it is first called
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>

#include "formats/little_endian.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kMostPacked = std::uint64_t{16} << 20U;
constexpr std::uint64_t kMostMemory = std::uint64_t{72} << 20U;  // the largest window, 64 MiB, and what is around it
constexpr int kLargestWindow = 26;                               // of zstd: 64 MiB
constexpr std::size_t kChunk = std::size_t{64} * 1024;

// One stream of any packing. step() takes from `in` and adds to `out`.
class Unpacker {
 public:
  virtual ~Unpacker() = default;
  // False at the end or at damage. Both views shrink by what was taken and filled.
  virtual bool step(std::span<char>& in, std::span<char>& out) = 0;
  [[nodiscard]] virtual bool refused() const { return false; }
};

class Inflater : public Unpacker {
 public:
  explicit Inflater(int window_bits) { good_ = inflateInit2(&stream_, window_bits) == Z_OK; }
  ~Inflater() override { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool step(std::span<char>& in, std::span<char>& out) override {
    if (!good_) return false;
    stream_.next_in = reinterpret_cast<Bytef*>(in.data());
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    in = in.last(stream_.avail_in);
    out = out.last(stream_.avail_out);
    if (result == Z_STREAM_END) return inflateReset(&stream_) == Z_OK;  // another member may follow
    return result == Z_OK || result == Z_BUF_ERROR;
  }

 private:
  z_stream stream_{};
  bool good_;
};

class Bunzipper : public Unpacker {
 public:
  Bunzipper() { good_ = BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK; }
  ~Bunzipper() override { BZ2_bzDecompressEnd(&stream_); }
  Bunzipper(const Bunzipper&) = delete;
  Bunzipper& operator=(const Bunzipper&) = delete;

  bool step(std::span<char>& in, std::span<char>& out) override {
    if (!good_) return false;
    stream_.next_in = in.data();
    stream_.avail_in = static_cast<unsigned>(in.size());
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<unsigned>(out.size());
    const int result = BZ2_bzDecompress(&stream_);
    in = in.last(stream_.avail_in);
    out = out.last(stream_.avail_out);
    if (result == BZ_STREAM_END) {  // another stream may follow
      BZ2_bzDecompressEnd(&stream_);
      stream_ = {};
      good_ = BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK;
      return good_;
    }
    return result == BZ_OK;
  }

 private:
  bz_stream stream_{};
  bool good_;
};

class Unlzma : public Unpacker {
 public:
  explicit Unlzma(bool alone) {
    good_ = (alone ? lzma_alone_decoder(&stream_, kMostMemory)
                   : lzma_stream_decoder(&stream_, kMostMemory, LZMA_CONCATENATED)) == LZMA_OK;
  }
  ~Unlzma() override { lzma_end(&stream_); }
  Unlzma(const Unlzma&) = delete;
  Unlzma& operator=(const Unlzma&) = delete;

  bool step(std::span<char>& in, std::span<char>& out) override {
    if (!good_) return false;
    stream_.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream_.avail_out = out.size();
    const lzma_ret result = lzma_code(&stream_, LZMA_RUN);
    in = in.last(stream_.avail_in);
    out = out.last(stream_.avail_out);
    refused_ = refused_ || result == LZMA_MEMLIMIT_ERROR || result == LZMA_MEM_ERROR;
    return result == LZMA_OK || result == LZMA_BUF_ERROR;
  }
  [[nodiscard]] bool refused() const override { return refused_; }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool good_;
  bool refused_ = false;
};

class Unzstd : public Unpacker {
 public:
  Unzstd() { ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kLargestWindow); }

  bool step(std::span<char>& in, std::span<char>& out) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const std::size_t result = ZSTD_decompressStream(context_.get(), &output, &input);
    in = in.subspan(input.pos);
    out = out.subspan(output.pos);
    if (ZSTD_isError(result) == 0) return true;
    // The library numbers its errors in a header that is not always there.
    refused_ = std::string_view(ZSTD_getErrorName(result)).find("memory") != std::string_view::npos;
    return false;
  }
  [[nodiscard]] bool refused() const override { return refused_; }

 private:
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context_{ZSTD_createDCtx(), ZSTD_freeDCtx};
  bool refused_ = false;
};

std::unique_ptr<Unpacker> unpacker(StreamPacking packing) {
  switch (packing) {
    case StreamPacking::Stored: return nullptr;
    case StreamPacking::Zlib: return std::make_unique<Inflater>(MAX_WBITS);
    case StreamPacking::Gzip: return std::make_unique<Inflater>(MAX_WBITS + 16);
    case StreamPacking::RawDeflate: return std::make_unique<Inflater>(-MAX_WBITS);
    case StreamPacking::Bzip2: return std::make_unique<Bunzipper>();
    case StreamPacking::Xz: return std::make_unique<Unlzma>(false);
    case StreamPacking::Lzma:
    case StreamPacking::ZipLzma: return std::make_unique<Unlzma>(true);
    case StreamPacking::Zstd: return std::make_unique<Unzstd>();
  }
  return nullptr;
}

constexpr std::size_t kLzmaHeader = 13;  // properties, size of the dictionary, size of what is inside

bool is_lzma_header(std::string_view head) {
  if (head.size() < kLzmaHeader || static_cast<unsigned char>(head[0]) >= 225) return false;
  const std::uint64_t dictionary = load_little_endian(head.substr(1, 4));
  const std::uint64_t inside = load_little_endian(head.substr(5, 8));
  // Writers take a power of two or one and a half of it.
  const bool usual = (dictionary & (dictionary - 1)) == 0 || dictionary % 3 == 0 || dictionary == UINT32_MAX;
  return dictionary >= 4096 && usual && (inside == UINT64_MAX || inside < (std::uint64_t{1} << 40U));
}

// What is unpacked is short: distances in it never exceed a small dictionary, whatever the header asks for.
void reduce_dictionary(std::string& header, std::size_t most) {
  const std::uint64_t dictionary = load_little_endian(std::string_view(header).substr(1, 4));
  const auto small = static_cast<std::uint32_t>(std::min<std::uint64_t>(dictionary, std::max<std::size_t>(most, 4096)));
  const auto bytes = little_endian_bytes(small);
  for (std::size_t i = 0; i < bytes.size(); ++i) header[1 + i] = static_cast<char>(bytes[i]);
}

// The next bytes of the stream, with the header that the decoder expects.
std::string first_chunk(std::string chunk, StreamPacking packing, std::size_t most) {
  if (packing == StreamPacking::ZipLzma) {
    // Version, size of the properties, properties; the stream ends by itself.
    if (chunk.size() < 9) return {};
    chunk = chunk.substr(4, 5) + std::string(8, '\xff') + chunk.substr(9);
    packing = StreamPacking::Lzma;
  }
  if (packing == StreamPacking::Lzma && chunk.size() >= kLzmaHeader) reduce_dictionary(chunk, most);
  return chunk;
}

}  // namespace

void require_unpackers() {
  for (const auto each : {StreamPacking::Zlib, StreamPacking::Bzip2, StreamPacking::Xz}) unpacker(each);
}

std::optional<StreamPacking> packing_of(std::string_view head) {
  if (head.starts_with("\x1f\x8b\x08")) return StreamPacking::Gzip;
  if (head.starts_with("BZh") && head.size() > 4 && head[3] >= '1' && head[3] <= '9' &&
      (head[4] == '1' || head[4] == '\x17')) {
    return StreamPacking::Bzip2;
  }
  if (head.starts_with(std::string_view("\xfd"
                                        "7zXZ\0",
                                        6)))
    return StreamPacking::Xz;
  if (head.starts_with("\x28\xb5\x2f\xfd")) return StreamPacking::Zstd;
  if (head.size() >= 4 && (load_little_endian(head.substr(0, 4)) & ~15ULL) == 0x184D2A50) return StreamPacking::Zstd;
  if (head.size() >= 2) {
    const unsigned method = static_cast<unsigned char>(head[0]);
    const unsigned flags = static_cast<unsigned char>(head[1]);
    if ((method & 15U) == 8 && method >> 4U <= 7 && (method * 256 + flags) % 31 == 0 && (flags & 32U) == 0) {
      return StreamPacking::Zlib;
    }
  }
  if (is_lzma_header(head)) return StreamPacking::Lzma;
  return std::nullopt;
}

std::string unpack_head(ByteSource& source, std::uint64_t offset, std::uint64_t packed_bytes, StreamPacking packing,
                        std::size_t most, bool* refused) {
  const std::uint64_t there = source.available() - std::min(offset, source.available());
  std::uint64_t left = std::min(packed_bytes, there);
  std::string plain;
  const auto next = [&](std::size_t bytes) {
    std::string chunk(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, left)), '\0');
    source.read(offset, std::as_writable_bytes(std::span(chunk)));
    offset += chunk.size();
    left -= chunk.size();
    return chunk;
  };
  if (packing == StreamPacking::Stored) return next(most);
  left = std::min(left, kMostPacked);
  const auto stream = unpacker(packing);
  std::array<char, kChunk> room{};
  bool is_first = true;
  for (bool more = true; more && left > 0 && plain.size() < most;) {
    std::string chunk = next(kChunk);
    if (std::exchange(is_first, false)) chunk = first_chunk(std::move(chunk), packing, most);
    std::span<char> in(chunk);
    while (more && plain.size() < most) {
      const std::size_t before = in.size();
      std::span<char> out = std::span(room).first(std::min(room.size(), most - plain.size()));
      const std::size_t asked = out.size();
      more = stream->step(in, out);
      plain.append(room.data(), asked - out.size());
      if (in.size() == before && out.size() == asked) break;  // it wants more
    }
  }
  if (refused != nullptr && stream->refused()) *refused = true;
  return plain;
}

}  // namespace weigh::core
