#include "src/scan/file_kinds.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace weigh::core {

namespace {

std::string_view without_zst(std::string_view name) {
  constexpr std::string_view kSuffix = ".zst";
  if (name.ends_with(kSuffix)) name.remove_suffix(kSuffix.size());
  return name;
}

}  // namespace

std::string_view leaf_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_snapshot_name(std::string_view name) { return name.ends_with(".weigh.zst"); }

bool is_safetensors_name(std::string_view name) { return without_zst(name).ends_with(".safetensors"); }

bool is_model_name(std::string_view name) {
  return is_snapshot_name(name) || is_safetensors_name(name) || without_zst(name).ends_with(".gguf");
}

bool is_side_name(std::string_view name) { return name.ends_with(".json") || name.ends_with(".jinja"); }

bool is_index_name(std::string_view name) {
  return name.ends_with(".json") && name.find(".index.") != std::string_view::npos;
}

bool is_unclear_name(std::string_view name) {
  return name.find('.') == std::string_view::npos || name.ends_with(".bin");
}

bool begins_with_gguf(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) return false;
  std::array<char, 4> head{};
  const bool read_whole = ::pread(file, head.data(), head.size(), 0) == static_cast<ssize_t>(head.size());
  ::close(file);
  const std::string_view magic(head.data(), head.size());
  return read_whole && magic == "GGUF";
}

}  // namespace weigh::core
