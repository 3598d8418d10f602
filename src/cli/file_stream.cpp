#include "src/cli/file_stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "formats/error.h"

namespace weigh::core {
namespace {

void refuse_models(const std::string& path, const struct stat& target, const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs) {
    struct stat other {};
    if (stat(input.c_str(), &other) == 0 && other.st_dev == target.st_dev && other.st_ino == target.st_ino) {
      throw UsageError("--output " + path + " is the model itself; name another file");
    }
  }
  for (const std::string_view extension : {".gguf", ".safetensors"}) {
    if (path.ends_with(extension)) throw UsageError("--output " + path + " is a model that exists; name another file");
  }
}

}  // namespace

OutputError::OutputError(const std::string& name, int error_number)
    : std::runtime_error(name + ": " + std::strerror(error_number)), closed_pipe(error_number == EPIPE) {}

FileBuffer::FileBuffer(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {
  setp(buffer_.data(), buffer_.data() + buffer_.size());
}

FileBuffer::int_type FileBuffer::overflow(int_type c) {
  sync();
  if (!traits_type::eq_int_type(c, traits_type::eof())) sputc(traits_type::to_char_type(c));
  return traits_type::not_eof(c);
}

int FileBuffer::sync() {
  const char* next = pbase();
  const char* const end = pptr();
  setp(buffer_.data(), buffer_.data() + buffer_.size());  // what cannot be written is not tried again
  while (next < end) {
    const ssize_t written = ::write(descriptor_, next, static_cast<std::size_t>(end - next));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw OutputError(name_, errno);
    next += written;
  }
  return 0;
}

FileStream::FileStream(int descriptor, const std::string& name) : std::ostream(nullptr), buffer_(descriptor, name) {
  rdbuf(&buffer_);
  exceptions(std::ios::badbit);  // lets the buffer's own exception through
}

OutputFile::OutputFile(const std::string& path, const std::vector<std::string>& inputs, bool overwrite) : path_(path) {
  const std::string name = "--output " + path;
  struct stat target {};
  const bool exists = stat(path.c_str(), &target) == 0;
  if (exists && S_ISREG(target.st_mode)) refuse_models(path, target, inputs);
  if (exists && S_ISREG(target.st_mode) && !overwrite) {
    throw UsageError("--output " + path + ": the file exists; --force writes over it");
  }
  if (exists && S_ISDIR(target.st_mode)) throw OutputError(name, EISDIR);
  if (exists && !S_ISREG(target.st_mode)) {
    descriptor_ = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    // Beside the file itself, so that the rename stays on one file system; where a link points, so that it stays a
    // link.
    std::error_code error;
    if (exists) path_ = std::filesystem::canonical(path, error).string();
    if (error) path_ = path;
    temporary_ = path_ + ".XXXXXX";
    descriptor_ = mkostemp(temporary_.data(), O_CLOEXEC);
    if (descriptor_ < 0) temporary_.clear();
  }
  if (descriptor_ < 0) throw OutputError(name, errno);
  stream_ = std::make_unique<FileStream>(descriptor_, name);
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void OutputFile::commit() {
  stream_->flush();
  if (temporary_.empty()) return;
  const mode_t mask = umask(0);
  umask(mask);
  struct stat old {};
  const mode_t mode = stat(path_.c_str(), &old) == 0 ? old.st_mode & 07777 : 0666 & ~mask;
  const std::string name = "--output " + path_;
  if (fchmod(descriptor_, mode) != 0) throw OutputError(name, errno);
  if (close(std::exchange(descriptor_, -1)) != 0) throw OutputError(name, errno);
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) throw OutputError(name, errno);
  temporary_.clear();
}

}  // namespace weigh::core
