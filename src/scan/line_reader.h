#pragma once

#include <fstream>
#include <optional>
#include <string>

namespace weigh::core {

/// The lines of a file, or of standard input for "-", one after the other.
class LineReader {
 public:
  /// Throws IoError.
  explicit LineReader(const std::string& path);

  /// Without its line end; nothing after the last one.
  std::optional<std::string> next();

 private:
  std::ifstream file_;
};

}  // namespace weigh::core
