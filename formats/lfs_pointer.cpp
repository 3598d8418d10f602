#include "formats/lfs_pointer.h"

namespace weigh::core {

namespace {

// The value of a line "KEY VALUE" after the first.
std::string_view line_value(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at + key.size());
  return rest.substr(0, rest.find_first_of("\r\n"));
}

}  // namespace

std::optional<LfsPointer> read_lfs_pointer(std::string_view head) {
  if (!head.starts_with("version https://git-lfs.github.com/spec/v1")) return std::nullopt;
  LfsPointer pointer{line_value(head, "\noid "), line_value(head, "\nsize ")};
  if (pointer.size.find_first_not_of("0123456789") != std::string_view::npos) pointer.size = {};
  return pointer;
}

}  // namespace weigh::core
