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

  /// How many bytes of a file of unknown content are worth reading at first: the whole header of most files without a
  /// vocabulary. Fewer where each byte comes from far away.
  [[nodiscard]] virtual std::uint64_t first_read() const { return std::uint64_t{256} * 1024; }

  /// How many bytes at a time are worth reading ahead of what is asked for: many where each request takes its time, few
  /// where one costs less than the memory for bytes that nobody wants.
  [[nodiscard]] virtual std::uint64_t read_ahead() const { return UINT64_MAX; }

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
  [[nodiscard]] std::uint64_t read_ahead() const override { return std::uint64_t{512} * 1024; }
  void read(std::uint64_t offset, std::span<std::byte> into) override;

 private:
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

/// All bytes of `source`, which must not be larger than `limit` (IoError otherwise).
std::vector<std::byte> read_all(ByteSource& source, std::uint64_t limit);

}  // namespace weigh::core
