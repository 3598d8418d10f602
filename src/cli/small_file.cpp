#include "src/cli/small_file.h"

#include <fmt/core.h>

#include <filesystem>
#include <fstream>

#include "formats/error.h"

namespace weigh::core {

std::optional<std::string> read_small_file(const std::string& path, std::size_t most_bytes) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found || path.empty()) return std::nullopt;
  if (!std::filesystem::is_regular_file(status)) throw UsageError(path + ": not a file that can be read");
  std::ifstream file(path, std::ios::binary);
  std::string text(most_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad()) throw UsageError(path + ": not a file that can be read");
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > most_bytes) throw UsageError(fmt::format("{}: larger than {} KiB", path, most_bytes / 1024));
  return text;
}

}  // namespace weigh::core
