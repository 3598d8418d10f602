#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/audit/check.h"
#include "src/source/file_names.h"

namespace weigh::core {

// What several checks ask of an input folder.

/// The first `max_bytes` bytes of a file of the folder, or all of a shorter one; nothing when they cannot be read.
std::optional<std::string> read_head(const Folder& folder, const std::string& name, std::size_t max_bytes);

/// A whole file; nothing when it is larger than 16 MiB or cannot be read.
std::optional<std::string> read_small_file(const Folder& folder, const std::string& name);

/// A file of up to 16 MiB as JSON; null when it cannot be read or is not JSON.
nlohmann::json read_json_file(const Folder& folder, const std::string& name);

/// Names of the audited files: all of the folder when it is audited as one, else the model's own.
std::vector<std::string> audited_names(const AuditInput& input);

/// Whether the file holds weights: a file of the model, or one named like it.
bool is_weight_file(const AuditInput& input, const std::string& name);

/// A model as a whole, not an adapter, and with all its parts.
bool is_complete(const Model& model);

}  // namespace weigh::core
