#pragma once

#include <chrono>
#include <string>

#include "src/cli/options.h"

namespace weigh::core {

/// One line on a terminal's error stream that says how far a long command is; nothing where nobody looks.
class ProgressLine {
 public:
  ProgressLine(const Session& session, bool quiet)
      : session_(session), shown_(session.terminal.error_is_terminal && !quiet) {}
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Whether it is time to show another text: a terminal and an eye take ten a second.
  [[nodiscard]] bool due() const;
  /// The text is safe to show and is cut to the width.
  void show(const std::string& text);
  /// Makes room for something that stays.
  void clear();

  [[nodiscard]] double seconds() const;  ///< since the beginning

 private:
  const Session& session_;
  bool shown_;
  bool dirty_ = false;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_{};
};

/// "about 12 s left", "about 3 min left"; empty when there is no telling.
std::string time_left(double seconds, double done, double all);

}  // namespace weigh::core
