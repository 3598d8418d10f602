#pragma once

namespace weigh::core {

/// What standard output is, as far as the look of a report depends on it.
struct Terminal {
  bool is_terminal = false;
  bool takes_color = false;        ///< a terminal, not a dumb one, and nobody set NO_COLOR
  bool error_is_terminal = false;  ///< a person sees what standard error says
  bool unicode = false;            ///< the locale is UTF-8
  unsigned width = 100;            ///< columns
};

/// Asks standard output and the environment. Where the output is not a terminal, $COLUMNS is the width.
Terminal detect_terminal();

}  // namespace weigh::core
