#pragma once

#include <string>
#include <string_view>

namespace weigh::core {

// Which files of a folder a scan looks at, as far as their names tell.

/// The part after the last '/'.
std::string_view leaf_name(std::string_view path);

/// GGUF, safetensors, each compressed or not, or a snapshot.
bool is_model_name(std::string_view name);
bool is_safetensors_name(std::string_view name);
/// A snapshot by its custom name, NAME.weigh.zst.
bool is_snapshot_name(std::string_view name);

/// What may change what is said of the models in its folder: JSON and chat templates.
bool is_side_name(std::string_view name);
/// The list of the files of a sharded checkpoint.
bool is_index_name(std::string_view name);

/// Whether only its first bytes can tell what the file is.
bool is_unclear_name(std::string_view name);

/// Whether the file's first bytes are those of a GGUF file; false also when it cannot be read.
bool begins_with_gguf(const std::string& path);

}  // namespace weigh::core
