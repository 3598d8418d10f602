#include "src/cli/progress.h"

#include <fmt/core.h>

#include <cmath>

#include "src/report/text_format.h"

namespace weigh::core {

bool ProgressLine::due() const {
  return shown_ && std::chrono::steady_clock::now() - last_ >= std::chrono::milliseconds(100);
}

void ProgressLine::show(const std::string& text) {
  if (!shown_) return;
  last_ = std::chrono::steady_clock::now();
  const std::size_t room = session_.terminal.width > 1 ? session_.terminal.width - 1 : 1;
  session_.err << '\r' << cut_middle(text, room, session_.terminal.unicode) << "\x1b[K" << std::flush;
  dirty_ = true;
}

void ProgressLine::clear() {
  if (!dirty_) return;
  session_.err << "\r\x1b[K" << std::flush;
  dirty_ = false;
}

double ProgressLine::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
}

std::string time_left(double seconds, double done, double all) {
  if (done <= 0 || all <= done || seconds < 1) return {};
  const double left = seconds / done * (all - done);
  if (left < 90) return fmt::format("about {} s left", std::lround(std::ceil(left)));
  return fmt::format("about {} min left", std::lround(left / 60));
}

}  // namespace weigh::core
