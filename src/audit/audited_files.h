#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/audit/check.h"
#include "src/source/file_names.h"

namespace weigh::core {

// What several checks need to know of an input folder.

/// The first `most` bytes of a file of the folder; nothing when they cannot be had.
std::optional<std::string> read_head(const Folder& folder, const std::string& name, std::size_t most);

/// A small file as a whole: nothing when it is larger than 16 MiB or cannot be read.
std::optional<std::string> read_small(const Folder& folder, const std::string& name);

/// A small file of the folder as JSON; null when it is none.
nlohmann::json read_json_file(const Folder& folder, const std::string& name);

/// The files that the audit is about: the model's own, and where it was meant all that lies in the folder.
std::vector<std::string> names_in_question(const AuditInput& input);

/// Whether the name is one of the model's own weight files.
bool is_weight_file(const AuditInput& input, const std::string& name);

/// The folder's part that the model lies in, with its '/', as "unet/"; empty for most.
std::string prefix_of(const AuditInput& input);

/// A model as a whole, not an adapter, and with all its parts.
bool is_complete(const Model& model);

}  // namespace weigh::core
