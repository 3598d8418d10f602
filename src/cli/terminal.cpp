#include "src/cli/terminal.h"

#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <string_view>

#include "formats/text.h"

namespace weigh::core {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

bool ends_with_utf8(std::string_view locale) {
  const std::string_view encoding = locale.substr(std::min(locale.size(), locale.find('.')));
  return strncasecmp(encoding.data(), ".utf-8", 6) == 0 || strncasecmp(encoding.data(), ".utf8", 5) == 0;
}

/// The first variable that is set decides, as in setlocale().
bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (const std::string_view locale = environment(name); !locale.empty()) return ends_with_utf8(locale);
  }
  return false;
}

unsigned columns(unsigned otherwise) {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const std::string_view text = environment("COLUMNS");
  const auto width = parse_uint(text);
  return width && *width > 0 && *width <= UINT_MAX ? static_cast<unsigned>(*width) : otherwise;
}

}  // namespace

Terminal detect_terminal() {
  Terminal terminal;
  terminal.is_terminal = isatty(STDOUT_FILENO) != 0;
  const std::string_view kind = environment("TERM");
  terminal.takes_color = terminal.is_terminal && !kind.empty() && kind != "dumb" && environment("NO_COLOR").empty();
  terminal.error_is_terminal = isatty(STDERR_FILENO) != 0;
  terminal.unicode = locale_is_utf8();
  terminal.width = columns(terminal.width);
  return terminal;
}

}  // namespace weigh::core
