#pragma once

#include <istream>
#include <string>
#include <string_view>

#include "src/verify/engine_log.h"
#include "src/verify/log_builder.h"

namespace weigh::core {

/// Takes the lines of a log one by one.
class LogReader {
 public:
  /// A line without its end. Codes for colours are passed over.
  void line(std::string_view text);
  EngineLog finish() { return builder_.finish(); }

 private:
  LogBuilder builder_;
  std::string plain_;
};

/// Reads a whole log, text in UTF-8 or as Windows' shell writes it, in UTF-16. Its length does not matter: of a line the
/// first 64 KiB count, and no line is kept. `name` is for what is thrown: Error for what is no text, IoError for what
/// cannot be read.
EngineLog read_engine_log(std::istream& in, const std::string& name);

}  // namespace weigh::core
