#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

/// A member of a JSON document, by its path ("text_config.auto_map"; elements of a list have none of their own).
struct FoundMember {
  std::string path;
  const nlohmann::json* value;
};

/// Members of one of those names at any depth, what is in them left out; at most 16.
std::vector<FoundMember> members_named(const nlohmann::json& root, std::span<const std::string_view> names);

/// Strings in the value at any depth, at most `most`.
std::vector<std::string> strings_in(const nlohmann::json& value, std::size_t most);

/// A place in a config that names code for a loader to import.
struct LoaderCode {
  std::string path;                  ///< of the member
  std::vector<std::string> classes;  ///< the first three
};

/// Code that a loader imports on the word of a config: auto_map and its kin, classes of a pipeline (model_index.json) or
/// of sentence-transformers (modules.json) that are not of known libraries. `base` is the file's name without folders.
std::vector<LoaderCode> find_loader_code(std::string_view base, const nlohmann::json& config);

/// Paths of the members "trust_remote_code" that are set.
std::vector<std::string> find_trust(const nlohmann::json& config);

/// Whether a loader reads a file of that name, without folders, for what to load.
bool is_loader_config(std::string_view base);

}  // namespace weigh::core
