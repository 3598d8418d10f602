#include "src/scan/line_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "formats/error.h"

namespace weigh::core {

namespace {

constexpr std::size_t kBuffer = std::size_t{64} << 10;

std::string shown(const std::string& path) { return path == "-" ? "standard input" : path; }

}  // namespace

LineReader::LineReader(std::string path, std::size_t longest)
    : path_(shown(path)),
      longest_(longest),
      file_(path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (file_ < 0) throw IoError(fmt::format("{}: cannot be opened: {}", path_, std::strerror(errno)));
  struct stat status {};
  if (fstat(file_, &status) == 0 && S_ISDIR(status.st_mode)) {
    if (file_ != STDIN_FILENO) close(std::exchange(file_, -1));
    throw IoError(fmt::format("{}: is a folder, where a file of lines is asked for", path_));
  }
}

LineReader::~LineReader() {
  if (file_ > STDIN_FILENO) close(file_);
}

// Whether there are more bytes.
bool LineReader::fill() {
  buffer_.resize(kBuffer);
  taken_ = 0;
  while (true) {
    const ssize_t bytes = read(file_, buffer_.data(), buffer_.size());
    if (bytes >= 0) {
      buffer_.resize(static_cast<std::size_t>(bytes));
      return bytes > 0;
    }
    if (errno == EAGAIN) {  // whoever gave standard input made it so
      pollfd wait{.fd = file_, .events = POLLIN, .revents = 0};
      poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      const int why = errno;
      buffer_.clear();
      throw IoError(
          fmt::format("{}: cannot be read to its end, after line {}: {}", path_, number_, std::strerror(why)));
    }
  }
}

std::optional<LineReader::Line> LineReader::next() {
  Line line;
  bool any = false;
  while (taken_ < buffer_.size() || fill()) {
    any = true;
    const std::size_t end = buffer_.find('\n', taken_);
    const std::size_t length = (end == std::string::npos ? buffer_.size() : end) - taken_;
    line.is_long = line.is_long || line.text.size() + length > longest_;
    if (line.is_long) {
      line.text = {};
    } else {
      line.text.append(buffer_, taken_, length);
    }
    taken_ += length;
    if (end == std::string::npos) continue;
    ++taken_;
    break;
  }
  if (!any) return std::nullopt;
  ++number_;
  if (line.text.ends_with('\r')) line.text.pop_back();
  return line;
}

}  // namespace weigh::core
