#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace weigh::core {

/// The first bytes of one file and how long the whole file is. A small file (config.json) is there as a whole.
struct SnapshotFile {
  std::string name;  ///< relative to the snapshot's folder, '/' between parts, never leaving it
  std::uint64_t file_bytes = 0;
  std::vector<std::byte> head;
};

/// A header-only copy of one model.
struct Snapshot {
  std::string name;  ///< of the model, as it was when the snapshot was taken
  std::vector<SnapshotFile> files;
};

/// Whether the bytes start like a zstd frame; whether it is a snapshot shows only inside.
bool looks_like_zstd(std::span<const std::byte> head);

/// How much of a compressed file may be unpacked: headers shrink up to 250-fold (a vocabulary's zeros), and what grows
/// far more is no header but a bomb.
std::uint64_t most_unpacked(std::uint64_t packed_bytes);

enum class Packing : std::uint8_t { Small, Fast };

/// One zstd frame with a content checksum; layout in snapshot.cpp.
std::vector<std::byte> write_snapshot(const Snapshot& snapshot, Packing packing = Packing::Small);

/// Throws FormatError when the bytes are damaged or no snapshot.
Snapshot read_snapshot(std::span<const std::byte> bytes);

}  // namespace weigh::core
