#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/error.h"
#include "src/cli/file_stream.h"
#include "src/cli/option_set.h"
#include "src/cli/terminal.h"
#include "src/report/style.h"

namespace weigh::core {

/// Where a command may write.
struct Session {
  std::ostream& out;
  std::ostream& err;
  const Terminal& terminal;

  /// "weigh: SENTENCE" on the error stream; the sentence is safe to show.
  void tell(std::string_view sentence) const;
};

inline constexpr std::array<std::string_view, 4> kListFormats{"text", "json", "csv", "markdown"};
/// Of reports on models.
inline constexpr std::array<std::string_view, 5> kReportFormats{"text", "json", "jsonl", "csv", "markdown"};

/// The flags that every command with a report has.
struct CommonOptions {
  std::span<const std::string_view> formats = kListFormats;
  std::string format;  ///< as it was asked for, if it was
  bool json = false;
  std::string output;  ///< a file's name; "-" and nothing: standard output
  bool overwrite = false;
  std::string color = "auto";
  bool quiet = false;
  bool verbose = false;
};

/// How remote models are read.
struct RemoteFlags {
  bool offline = false;
  std::string max_download;  ///< a size; empty: the usual one
};

/// Asked for, or what the output's name ends with (report.json), or text. Throws UsageError for a format that the
/// command does not have.
std::string format_of(const CommonOptions& options);

/// What a command does once its options are parsed; returns the exit status.
using Command = std::function<int(Session&)>;

void add_common_options(OptionSet& command, CommonOptions& options,
                        std::span<const std::string_view> formats = kListFormats);

/// `--offline`, `--max-download`, of commands that read models.
void add_remote_options(OptionSet& command, RemoteFlags& flags);

/// `--on DEVICE`, once for each device.
void add_device_option(OptionSet& command, std::vector<std::string>& requests);

/// A decimal count with an optional K, M, B or T: "7B", "46.7B", "46,702,792,704". Exact; nothing for anything else,
/// for 0 and for what does not fit in 64 bits.
std::optional<std::uint64_t> parse_parameters(std::string_view text);

/// Where the report goes: --output, opened at once, or standard output.
class Output {
 public:
  /// Throws UsageError, also for an unknown format, and OutputError.
  Output(const CommonOptions& options, const Session& session, const std::vector<std::string>& inputs);

  [[nodiscard]] std::ostream& stream() { return file_ ? file_->stream() : out_; }
  [[nodiscard]] const Style& style() const { return style_; }
  [[nodiscard]] const std::string& format() const { return format_; }

  /// The report is complete. Throws OutputError.
  void finish();

 private:
  std::ostream& out_;
  std::unique_ptr<OutputFile> file_;
  Style style_;
  std::string format_;
};

}  // namespace weigh::core
