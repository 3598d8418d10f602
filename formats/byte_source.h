#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace weigh::core {

/// Where a file's bytes come from: a file on disk, memory, a decompressed stream, a snapshot. Readers of formats know
/// nothing else of a file. Bytes are read by offset, in any order; a source keeps no position.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  /// Size of the whole file in bytes, even where only a part of it can be read (a snapshot).
  [[nodiscard]] virtual std::uint64_t size() const = 0;

  /// How many of the first bytes can be read: fewer than size() in a snapshot.
  [[nodiscard]] virtual std::uint64_t available() const { return size(); }

  /// How many bytes to have after the next read of a header whose end is not known, when there are `read` now and it is
  /// thought to end about `expected`. Here reads are cheap and bytes are not: a little more than what is needed.
  [[nodiscard]] virtual std::uint64_t next_end(std::uint64_t read, std::uint64_t expected) const;

  /// How many of the first bytes are here already, where others come from far away: whoever can do with them asks for no
  /// more.
  [[nodiscard]] virtual std::uint64_t at_hand() const { return 0; }

  /// Fills `into` with the bytes at `offset`. Throws IoError when not all of them can be had.
  virtual void read(std::uint64_t offset, std::span<std::byte> into) = 0;
};

/// Bytes somebody else owns. `whole_size` may exceed the span: the bytes after it exist, but not here (a snapshot).
class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : MemorySource(bytes, bytes.size()) {}
  MemorySource(std::span<const std::byte> bytes, std::uint64_t whole_size) : bytes_(bytes), size_(whole_size) {}

  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] std::uint64_t available() const override { return bytes_.size(); }
  void read(std::uint64_t offset, std::span<std::byte> into) override;

 private:
  std::span<const std::byte> bytes_;
  std::uint64_t size_;
};

/// A regular file, opened read-only. Throws IoError when it cannot be opened or is not a regular file.
class FileSource : public ByteSource {
 public:
  explicit FileSource(const std::string& path);
  ~FileSource() override;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  [[nodiscard]] std::uint64_t size() const override { return size_; }
  void read(std::uint64_t offset, std::span<std::byte> into) override;

 private:
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

/// All bytes of `source`, which must not be larger than `limit` (IoError otherwise).
std::vector<std::byte> read_all(ByteSource& source, std::uint64_t limit);

}  // namespace weigh::core
