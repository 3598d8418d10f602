#include "src/cli/options.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>

#include "formats/text.h"
#include "src/devices/text.h"
#include "src/report/text_format.h"

namespace weigh::core {
void Session::tell(std::string_view sentence) const {
  if (out.good()) out.flush();  // what was reported before stays before
  err << "weigh: " << sentence << '\n';
  err.flush();
}

void add_common_options(OptionSet& command, CommonOptions& options, std::span<const std::string_view> formats) {
  options.formats = formats;
  command.set_group("Report");
  command.add_option("--format", options.format,
                     fmt::format("{} or {}", fmt::join(formats.first(formats.size() - 1), ", "), formats.back()),
                     "NAME");
  command.add_flag("--json", options.json, "Short for --format json");
  command.add_option("-o,--output", options.output,
                     "Write the report to FILE, whose ending says the format; -: standard output", "FILE");
  command.add_flag("--force", options.overwrite, "Write over a file that exists");
  command.add_option("--color", options.color, "auto, always or never", "WHEN");
  command.add_flag("-q,--quiet", options.quiet, "Only what matters most");
  command.add_flag("-v,--verbose", options.verbose, "Exact bytes, all findings");
}

void add_remote_options(OptionSet& command, RemoteFlags& flags) {
  command.set_group("Remote models");
  command.add_flag("--offline", flags.offline, "Ask no server: only what the cache of headers has");
  command.add_option("--max-download", flags.max_download, "The most to read from servers, 256MiB by default", "SIZE");
}

void add_device_option(OptionSet& command, std::vector<std::string>& requests) {
  command.set_group("Devices");
  command.add_option("--on", requests, "A device: rtx-4090, 2x3090, \"8GB card\", 24GiB, local; more by commas",
                     "DEVICE");
}

std::optional<std::uint64_t> parse_parameters(std::string_view text) {
  const auto count = parse_count(text);
  return count && *count > 0 ? count : std::nullopt;
}

std::string format_of(const CommonOptions& options) {
  const auto has = [&](std::string_view format) {
    return std::find(options.formats.begin(), options.formats.end(), format) != options.formats.end();
  };
  if (options.json && !options.format.empty() && options.format != "json") {
    throw UsageError(fmt::format("--json and --format {} exclude each other", options.format));
  }
  if (options.json) return "json";
  if (!options.format.empty()) {
    if (has(options.format)) return options.format;
    const std::vector<std::string> names(options.formats.begin(), options.formats.end());
    throw UsageError(fmt::format("--format {}: not a format of this command; there are {}{}", options.format,
                                 fmt::join(names, ", "), did_you_mean(options.format, names)));
  }
  struct Ending {
    std::string_view written;
    std::string_view format;
  };
  constexpr std::array kEndings{Ending{".json", "json"},   Ending{".jsonl", "jsonl"}, Ending{".csv", "csv"},
                                Ending{".md", "markdown"}, Ending{".html", "html"},   Ending{".sarif", "sarif"}};
  for (const Ending& ending : kEndings) {
    if (options.output.ends_with(ending.written) && has(ending.format)) return std::string(ending.format);
  }
  return "text";
}

Output::Output(const CommonOptions& options, const Session& session, const std::vector<std::string>& inputs)
    : out_(session.out), format_(format_of(options)) {
  if (options.color != "auto" && options.color != "always" && options.color != "never") {
    throw UsageError(fmt::format("--color {}: there are auto, always and never", options.color));
  }
  const Terminal& terminal = session.terminal;
  if (!options.output.empty() && options.output != "-") {
    file_ = std::make_unique<OutputFile>(options.output, inputs, options.overwrite);
  }
  style_.terminal = terminal.is_terminal && !file_;
  style_.color = options.color == "always" || (options.color == "auto" && terminal.takes_color && !file_);
  style_.unicode = terminal.unicode;
  style_.width = terminal.width;
  style_.verbose = options.verbose;
  style_.quiet = options.quiet;
}

void Output::finish() {
  stream().flush();
  if (file_) file_->commit();
}

}  // namespace weigh::core
