#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "formats/byte_source.h"

namespace weigh::core {

enum class StreamPacking : std::uint8_t {
  Stored,
  Zlib,        ///< with its two bytes in front, as joblib writes it
  Gzip,        ///< one member or several
  RawDeflate,  ///< as in a zip archive
  Bzip2,
  Xz,       ///< .xz
  Lzma,     ///< .lzma, with a header of 13 bytes
  ZipLzma,  ///< as in a zip archive
  Zstd,
};

/// Throws IoError where the library for a packing is not there, which must not pass for damage.
void require_unpackers();

/// How a file that begins like this is packed; nothing where it is not.
std::optional<StreamPacking> packing_of(std::string_view head);

/// The first `most` bytes of what `packed_bytes` at `offset` unpack to, or fewer: damage ends it, and what came before
/// damage counts. At most 16 MiB are read. `refused` is set where a stream wants more memory than 64 MiB.
std::string unpack_head(ByteSource& source, std::uint64_t offset, std::uint64_t packed_bytes, StreamPacking packing,
                        std::size_t most, bool* refused = nullptr);

}  // namespace weigh::core
