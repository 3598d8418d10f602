// A snapshot is one zstd frame with a content checksum. Inside, little-endian and packed:
//
//   field              bytes
//   magic "WEIGHSNP"   8
//   version            u32, 1
//   name               string: u32 length, then bytes
//   file count         u32
//   files              name (string), size of the whole file (u64), bytes kept of it (u64), those bytes

#include "formats/snapshot.h"

#include <zstd.h>

#include <algorithm>
#include <memory>

#include "formats/byte_reader.h"
#include "formats/checked.h"
#include "formats/error.h"
#include "formats/little_endian.h"
#include "formats/path.h"

namespace weigh::core {

namespace {

constexpr std::string_view kMagic = "WEIGHSNP";
constexpr std::uint32_t kVersion = 1;
constexpr int kSmallLevel = 12;  // headers are small and read often: worth a second of packing
constexpr int kFastLevel = 1;
constexpr std::uint64_t kMaxRatio = 512;
constexpr std::uint64_t kAlwaysAllowed = std::uint64_t{16} << 20U;
constexpr std::uint64_t kMaxBytes = std::uint64_t{256} << 20U;  // the largest known, of 400 parts, has 60 MB

void append(std::vector<std::byte>& out, std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  out.insert(out.end(), bytes.begin(), bytes.end());
}
template <typename T>
void append_number(std::vector<std::byte>& out, T value) {
  const auto bytes = little_endian_bytes(value);
  out.insert(out.end(), bytes.begin(), bytes.end());
}
void append_string(std::vector<std::byte>& out, std::string_view text) {
  append_number(out, static_cast<std::uint32_t>(text.size()));
  append(out, text);
}

std::vector<std::byte> decompressed(std::span<const std::byte> packed) {
  const std::uint64_t most = std::min(kMaxBytes, most_unpacked(packed.size()));
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  std::vector<std::byte> out;
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  while (true) {
    const std::size_t before = out.size();
    if (before >= most)
      throw FormatError(fault("snapshot", "more than " + std::to_string(most) + " bytes inside", "fewer"));
    out.resize(std::min<std::uint64_t>(most, before + ZSTD_DStreamOutSize()));
    ZSTD_outBuffer piece{out.data() + before, out.size() - before, 0};
    const std::size_t left = ZSTD_decompressStream(context.get(), &piece, &in);
    out.resize(before + piece.pos);
    if (ZSTD_isError(left) != 0)
      throw FormatError("snapshot: the zstd stream is damaged: " + std::string(ZSTD_getErrorName(left)));
    if (left == 0 && in.pos < in.size) {
      throw FormatError(fault("bytes behind the snapshot", std::to_string(in.size - in.pos), "none"));
    }
    if (left == 0) return out;
    if (piece.pos == 0 && in.pos == in.size)
      throw FormatError(fault("snapshot", "the end of the file", "more of the zstd stream"));
  }
}

std::string read_string(ByteReader& reader, std::string_view field) {
  const auto length = reader.read<std::uint32_t>(field);
  const std::uint64_t at = reader.position();
  reader.skip(length, field);
  return std::string(reader.passed(at, length));
}

}  // namespace

bool looks_like_zstd(std::span<const std::byte> head) {
  constexpr std::array kZstd = {std::byte{0x28}, std::byte{0xB5}, std::byte{0x2F}, std::byte{0xFD}};
  return head.size() >= kZstd.size() && std::ranges::equal(head.first(kZstd.size()), kZstd);
}

std::uint64_t most_unpacked(std::uint64_t packed_bytes) {
  return std::max(kAlwaysAllowed, checked_mul(packed_bytes, kMaxRatio).value_or(UINT64_MAX));
}

std::vector<std::byte> write_snapshot(const Snapshot& snapshot, Packing packing) {
  std::vector<std::byte> plain;
  append(plain, kMagic);
  append_number(plain, kVersion);
  append_string(plain, snapshot.name);
  append_number(plain, static_cast<std::uint32_t>(snapshot.files.size()));
  for (const SnapshotFile& file : snapshot.files) {
    append_string(plain, file.name);
    append_number(plain, file.file_bytes);
    append_number(plain, static_cast<std::uint64_t>(file.head.size()));
    plain.insert(plain.end(), file.head.begin(), file.head.end());
  }

  const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, packing == Packing::Small ? kSmallLevel : kFastLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  std::vector<std::byte> packed(ZSTD_compressBound(plain.size()));
  const std::size_t size = ZSTD_compress2(context.get(), packed.data(), packed.size(), plain.data(), plain.size());
  if (ZSTD_isError(size) != 0) throw Error("snapshot: " + std::string(ZSTD_getErrorName(size)));
  packed.resize(size);
  return packed;
}

Snapshot read_snapshot(std::span<const std::byte> bytes) {
  const std::vector<std::byte> plain = decompressed(bytes);
  MemorySource source(plain);
  ByteReader reader(source);
  reader.skip(kMagic.size(), "snapshot magic");
  if (reader.passed(0, kMagic.size()) != kMagic)
    throw FormatError(fault("zstd content", "something else", "a snapshot of weigh"));
  const auto version = reader.read<std::uint32_t>("snapshot version");
  if (version != kVersion)
    throw FormatError(fault("snapshot version", std::to_string(version), std::to_string(kVersion)));

  Snapshot snapshot;
  snapshot.name = read_string(reader, "model name");
  const auto count = reader.read<std::uint32_t>("file count");
  for (std::uint32_t i = 0; i < count; ++i) {
    SnapshotFile file;
    file.name = read_string(reader, "file name");
    if (!stays_inside(file.name)) {
      throw FormatError(fault("name of a snapshot's file", quote(file.name), "one inside its folder"));
    }
    file.file_bytes = reader.read<std::uint64_t>("file size");
    const auto length = reader.read<std::uint64_t>("bytes kept");
    if (length > file.file_bytes)
      throw FormatError(fault("snapshot file " + quote(file.name), "more bytes than it has", "fewer"));
    const std::uint64_t at = reader.position();
    reader.skip(length, "file head");
    file.head.assign(plain.begin() + static_cast<std::ptrdiff_t>(at),
                     plain.begin() + static_cast<std::ptrdiff_t>(at + length));
    snapshot.files.push_back(std::move(file));
  }
  if (reader.remaining() > 0) {
    throw FormatError(fault("bytes behind the last file", std::to_string(reader.remaining()), "none"));
  }
  return snapshot;
}

}  // namespace weigh::core
