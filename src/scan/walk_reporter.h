#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "src/scan/walk.h"

namespace weigh::core {

/// The way from a walk to its visitor: tells now and then how far the walk is, and nothing more once the visitor has
/// ended it.
class WalkReporter {
 public:
  explicit WalkReporter(const Visitor& visitor) : visitor_(visitor) {}

  /// Whether the visitor has ended the walk.
  [[nodiscard]] bool stopped() const { return stopped_; }

  void report_folder(FoundFolder&& found) {
    if (!stopped_) visitor_.found(std::move(found));
  }
  void report_failure(const std::string& path, const std::string& message) {
    if (!stopped_) visitor_.failed({path, message, std::nullopt});
  }

  void report_closed(const std::string& folder) {
    if (!stopped_ && visitor_.closed) visitor_.closed(folder);
  }

  /// Names of a folder that was listed.
  void count_names(std::uint64_t names) {
    names_ += names;
    count_steps(names);
  }
  /// One of these names is looked at once more: that takes time too.
  void count_look() { count_steps(1); }

  void report_progress() {
    steps_ = 0;
    if (!visitor_.passed(std::exchange(names_, 0))) stopped_ = true;
  }

 private:
  static constexpr std::uint64_t kReportEvery = 512;

  void count_steps(std::uint64_t steps) {
    steps_ += steps;
    if (steps_ >= kReportEvery) report_progress();
  }

  const Visitor& visitor_;
  std::uint64_t names_ = 0;  // not reported yet
  std::uint64_t steps_ = 0;  // since the last report
  bool stopped_ = false;
};

}  // namespace weigh::core
