#include "src/scan/line_reader.h"

#include <fmt/format.h>

#include <iostream>

#include "formats/error.h"

namespace weigh::core {

LineReader::LineReader(const std::string& path) {
  if (path == "-") return;
  file_.open(path, std::ios::binary);
  if (!file_) throw IoError(fmt::format("{}: cannot be opened", path));
}

std::optional<std::string> LineReader::next() {
  std::string line;
  std::istream& in = file_.is_open() ? static_cast<std::istream&>(file_) : std::cin;
  if (!std::getline(in, line)) return std::nullopt;
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

}  // namespace weigh::core
