#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace weigh::core {

/// The lines of a file, a named pipe, or of standard input for "-", one after the other.
class LineReader {
 public:
  static constexpr std::size_t kLongestPath = std::size_t{64} << 10;   ///< no system opens a longer one
  static constexpr std::size_t kLongestModel = std::size_t{16} << 20;  ///< a model of 40,000 files takes 10 MiB

  /// Lines have at most `longest` bytes. Throws IoError, also for a folder.
  LineReader(std::string path, std::size_t longest);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  struct Line {
    std::string text;      ///< without its line end
    bool is_long = false;  ///< it had more bytes than lines may have, and `text` is empty
  };
  /// Nothing after the last one. Throws IoError when the file cannot be read to its end.
  std::optional<Line> next();

  /// Of the line that next() gave last, from 1.
  [[nodiscard]] std::uint64_t number() const { return number_; }

 private:
  bool fill();

  std::string path_;
  std::size_t longest_;
  int file_ = 0;
  std::string buffer_;
  std::size_t taken_ = 0;  // bytes of the buffer that were lines already
  std::uint64_t number_ = 0;
};

}  // namespace weigh::core
