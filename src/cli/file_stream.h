#pragma once

#include <array>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <vector>

namespace weigh::core {

/// A write to an output that failed.
struct OutputError : std::runtime_error {
  OutputError(const std::string& name, int error_number);
  bool closed_pipe = false;  ///< the reader has left: no fault of anybody
};

/// Buffers writes to a file descriptor it does not own.
class FileBuffer : public std::streambuf {
 public:
  FileBuffer(int descriptor, std::string name);

 protected:
  int_type overflow(int_type c) override;
  int sync() override;

 private:
  int descriptor_;
  std::string name_;
  std::array<char, 1 << 16> buffer_;
};

/// A stream whose failed writes throw OutputError, with the reason. Nothing is written after one, nor by the
/// destructor.
class FileStream : public std::ostream {
 public:
  FileStream(int descriptor, const std::string& name);

 private:
  FileBuffer buffer_;
};

/// A file that appears under its name only when it is complete. Where the name is not a regular file (/dev/stdout, a
/// pipe), it is written directly.
class OutputFile {
 public:
  /// Opens it at once. Throws UsageError when `path` is one of `inputs` or any other model file, and unless `overwrite`
  /// when it is a file that exists; OutputError when it cannot be written.
  OutputFile(const std::string& path, const std::vector<std::string>& inputs, bool overwrite);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  [[nodiscard]] std::ostream& stream() { return *stream_; }

  /// Everything is written: flushes, and gives the file its name. Throws OutputError.
  void commit();

 private:
  std::string path_;
  std::string temporary_;  ///< empty when written directly, or done
  int descriptor_ = -1;
  std::unique_ptr<FileStream> stream_;
};

}  // namespace weigh::core
