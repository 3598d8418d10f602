#include "src/verify/read_log.h"

#include <algorithm>
#include <array>
#include <vector>

#include "formats/error.h"
#include "src/verify/line_table.h"

namespace weigh::core {
namespace {

constexpr std::size_t kMostLine = std::size_t{64} << 10;

void take_first(std::span<const LineKind> kinds, std::string_view line, LogBuilder& log) {
  for (const LineKind& kind : kinds) {
    if (const auto found = find_pattern(line, kind.pattern)) return kind.take(*found, log);
  }
}

/// Without "ESC [ ... letter".
void strip_colors(std::string_view text, std::string& plain) {
  plain.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\x1b') {
      plain += text[i];
      continue;
    }
    if (i + 1 >= text.size() || text[i + 1] != '[') continue;
    i += 2;
    while (i < text.size() && (text[i] < '@' || text[i] > '~')) ++i;
  }
}

/// What a file is that is no text.
struct Beginning {
  std::string_view bytes;
  std::string_view sentence;
};
constexpr std::array kNoLogs{
    Beginning{"\x1f\x8b", "is compressed with gzip: unpack it first"},
    Beginning{"\x28\xb5\x2f\xfd", "is compressed with zstd: unpack it first"},
    Beginning{"\xfd\x37zXZ", "is compressed with xz: unpack it first"},
    Beginning{"BZh", "is compressed with bzip2: unpack it first"},
    Beginning{"PK\x03\x04", "is a zip archive: unpack it first"},
    Beginning{"GGUF", "is a model, not a log: the log comes first, as in weigh verify-log LOG MODEL"},
};

/// Throws Error for what is no text.
void check_text(std::string_view beginning, const std::string& name) {
  for (const Beginning& row : kNoLogs) {
    if (beginning.starts_with(row.bytes)) throw Error(name + " " + std::string(row.sentence));
  }
  // A machine that went down may leave a few of them in a log.
  const auto zeros = static_cast<std::size_t>(std::ranges::count(beginning, '\0'));
  if (zeros > beginning.size() / 100) throw Error(name + " is not text: no log of an engine");
}

/// Cuts what is read into lines.
class Lines {
 public:
  explicit Lines(LogReader& reader) : reader_(reader) { line_.reserve(kMostLine); }

  void add(std::string_view bytes) {
    while (!bytes.empty()) {
      // Progress bars return to the beginning of their line.
      const std::size_t end = std::min(bytes.find_first_of("\r\n"), bytes.size());
      line_ += bytes.substr(0, std::min(end, kMostLine - line_.size()));
      if (end == bytes.size()) return;
      finish();
      bytes.remove_prefix(end + 1);
    }
  }

  void finish() {
    if (!line_.empty()) reader_.line(line_);
    line_.clear();
  }

 private:
  LogReader& reader_;
  std::string line_;
};

/// UTF-16 with the low byte first, as Windows' shell writes: the ASCII in it, '?' for all else.
class Utf16 {
 public:
  std::string_view decoded(std::string_view bytes) {
    text_.clear();
    for (const char c : bytes) {
      if (!low_) {
        low_ = c;
        continue;
      }
      text_ += c == '\0' ? *low_ : '?';
      low_.reset();
    }
    return text_;
  }

 private:
  std::optional<char> low_;
  std::string text_;
};

}  // namespace

void LogReader::line(std::string_view text) {
  if (text.find('\x1b') != std::string_view::npos) {
    strip_colors(text, plain_);
    text = plain_;
  }
  take_first(llama_cpp_lines(), text, builder_);
  take_first(vllm_lines(), text, builder_);
  take_vllm_settings(text, builder_);
  take_command_line(text, builder_);
  take_summary_line(text, builder_);
}

EngineLog read_engine_log(std::istream& in, const std::string& name) {
  constexpr std::string_view kUtf16 = "\xff\xfe";
  std::vector<char> buffer(std::size_t{256} << 10);
  LogReader reader;
  Lines lines(reader);
  Utf16 utf16;
  bool first = true;
  bool wide = false;
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(in.gcount()));
    if (bytes.empty()) break;
    if (first && bytes.starts_with(kUtf16)) {
      wide = true;
      bytes.remove_prefix(kUtf16.size());
    } else if (first) {
      check_text(bytes, name);
    }
    first = false;
    lines.add(wide ? utf16.decoded(bytes) : bytes);
  }
  if (in.bad()) throw IoError(name + " cannot be read");
  if (first) throw Error(name + " is empty");
  lines.finish();
  return reader.finish();
}

}  // namespace weigh::core
