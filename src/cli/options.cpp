#include "src/cli/options.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "src/report/text_format.h"

namespace weigh::core {
namespace {

/// Digits without their commas; nothing where commas do not part groups of three, or there is anything else.
std::optional<std::string> without_grouping(std::string_view digits) {
  const bool is_grouped = digits.find(',') != std::string_view::npos;
  std::string plain;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const bool expects_comma = is_grouped && (digits.size() - i) % 4 == 0;
    if (expects_comma ? digits[i] != ',' || i == 0 : std::isdigit(static_cast<unsigned char>(digits[i])) == 0) {
      return std::nullopt;
    }
    if (!expects_comma) plain += digits[i];
  }
  return plain;
}

}  // namespace

void Session::tell(std::string_view sentence) const {
  if (out.good()) out.flush();  // what was reported before stays before
  err << "weigh: " << sentence << '\n';
  err.flush();
}

void add_common_options(OptionSet& command, CommonOptions& options, std::span<const std::string_view> formats) {
  options.formats = formats;
  command.add_option("--format", options.format,
                     fmt::format("{} or {}", fmt::join(formats.first(formats.size() - 1), ", "), formats.back()),
                     "NAME");
  command.add_flag("--json", options.json, "Short for --format json");
  command.add_option("-o,--output", options.output, "Write the report to FILE", "FILE");
  command.add_option("--color", options.color, "auto, always or never", "WHEN");
  command.add_flag("-q,--quiet", options.quiet, "Only what matters most");
  command.add_flag("-v,--verbose", options.verbose, "Exact bytes, all findings");
}

void add_device_option(OptionSet& command, std::vector<std::string>& requests) {
  command.add_option("--on", requests, "A device: rtx-4090, \"2x rtx-4090\", 24GiB, local; may be repeated", "DEVICE");
}

std::optional<std::uint64_t> parse_parameters(std::string_view text) {
  struct Suffix {
    char letter;
    std::size_t zeros;
  };
  static constexpr std::array kSuffixes{Suffix{'K', 3}, Suffix{'M', 6}, Suffix{'B', 9}, Suffix{'T', 12}};
  std::size_t zeros = 0;
  for (const Suffix& suffix : kSuffixes) {
    if (text.empty() || std::toupper(static_cast<unsigned char>(text.back())) != suffix.letter) continue;
    zeros = suffix.zeros;
    text.remove_suffix(1);
    break;
  }
  const std::size_t point = std::min(text.size(), text.find('.'));
  const std::string_view fraction = point < text.size() ? text.substr(point + 1) : std::string_view();
  auto digits = without_grouping(text.substr(0, point));
  if (!digits || digits->empty() || fraction.size() > zeros || (point < text.size() && fraction.empty()))
    return std::nullopt;
  *digits += fraction;
  digits->append(zeros - fraction.size(), '0');
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits->data(), digits->data() + digits->size(), value);
  if (error != std::errc() || end != digits->data() + digits->size() || value == 0) return std::nullopt;
  return value;
}

Output::Output(const CommonOptions& options, const Session& session, const std::vector<std::string>& inputs)
    : out_(session.out), format_(options.json ? "json" : options.format) {
  const auto formats = options.formats;
  if (std::find(formats.begin(), formats.end(), format_) == formats.end()) {
    throw UsageError(
        fmt::format("--format {}: not a format of this command; there are {}", format_, fmt::join(formats, ", ")));
  }
  if (options.json && options.format != "text" && options.format != "json") {
    throw UsageError(fmt::format("--json and --format {} exclude each other", options.format));
  }
  if (options.color != "auto" && options.color != "always" && options.color != "never") {
    throw UsageError(fmt::format("--color {}: there are auto, always and never", options.color));
  }
  const Terminal& terminal = session.terminal;
  if (!options.output.empty()) file_ = std::make_unique<OutputFile>(options.output, inputs);
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
