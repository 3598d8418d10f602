#pragma once

namespace weigh::core {

/// How a terminal or file wants its text.
struct Style {
  bool color = false;
  bool unicode = true;
  bool terminal = false;  ///< a person looks at it: long names are cut to the width
  unsigned width = 100;   ///< columns
  bool verbose = false;
  bool quiet = false;
};

}  // namespace weigh::core
