#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "formats/byte_source.h"

namespace weigh::core {

/// Where the directory of a zip archive is. What is in front of the archive, and behind it, may be anything.
struct ZipDirectory {
  std::uint64_t at = 0;
  std::uint64_t bytes = 0;
  std::uint64_t shift = 0;  ///< to be added to offsets that the directory states
};

/// Found as Python and others find it: by the end record among the last 64 KiB, followed by its comment or by anything
/// else, with the record of zip64 in front of it where there is one. Nothing where no directory is where it leads.
std::optional<ZipDirectory> find_zip_directory(ByteSource& source);

/// One file of an archive.
struct ZipMember {
  std::string name;
  std::uint16_t method = 0;  ///< 0 stored, 8 deflate, 12 bzip2, 14 LZMA, 93 zstd
  bool encrypted = false;
  std::uint64_t packed_bytes = 0;
  std::uint64_t bytes = 0;
  std::uint64_t header_at = 0;
};

/// The members in the order of the directory, of which 16 MiB are read; `most` of those that `wanted` takes.
std::vector<ZipMember> zip_members(ByteSource& source, const ZipDirectory& directory, std::size_t most,
                                   const std::function<bool(const ZipMember&)>& wanted);

/// Where the member's packed bytes begin; nothing where its own header is not there.
std::optional<std::uint64_t> zip_data_at(ByteSource& source, const ZipMember& member);

}  // namespace weigh::core
