#include "src/audit/audited_files.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "formats/error.h"
#include "src/source/parse_json.h"

namespace weigh::core {

std::optional<std::string> read_head(const Folder& folder, const std::string& name, std::size_t max_bytes) {
  try {
    const auto source = folder.open(name);
    std::string text(static_cast<std::size_t>(std::min<std::uint64_t>(max_bytes, source->available())), '\0');
    source->read(0, std::as_writable_bytes(std::span(text)));
    return text;
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::optional<std::string> read_small_file(const Folder& folder, const std::string& name) {
  try {
    const auto source = folder.open(name);
    if (source->size() > kMaxSideFileBytes || source->available() < source->size()) return std::nullopt;
    std::string text(static_cast<std::size_t>(source->size()), '\0');
    source->read(0, std::as_writable_bytes(std::span(text)));
    return text;
  } catch (const Error&) {
    return std::nullopt;
  }
}

nlohmann::json read_json_file(const Folder& folder, const std::string& name) {
  try {
    const ParsedJson json = read_json(*folder.open(name), json_limits_of(name));
    return json ? std::move(*json.value) : nlohmann::json();
  } catch (const Error&) {
    return nullptr;
  }
}

std::vector<std::string> audited_names(const AuditInput& input) {
  if (input.folder == nullptr) return {};
  if (input.as_folder) return input.folder->names;
  return input.selection == nullptr ? std::vector<std::string>() : input.selection->files;
}

bool is_weight_file(const AuditInput& input, const std::string& name) {
  const auto own = [&](const Selection& selection) {
    return std::ranges::find(selection.files, name) != selection.files.end();
  };
  if (input.selection != nullptr && own(*input.selection)) return true;
  return is_weights_name(name);
}

bool is_complete(const Model& model) {
  return model.checkpoint.kind != CheckpointKind::Adapter && !model.adapter && !parts_missing(model.checkpoint) &&
         !model.tensors.empty();
}

}  // namespace weigh::core
