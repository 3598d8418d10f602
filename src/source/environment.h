#pragma once

#include <optional>
#include <string>

namespace weigh::core {

/// The value of an environment variable; nothing for one that is not set, or empty.
std::optional<std::string> variable(const char* name);

/// Whether it says yes as Hugging Face's programs read it: 1, ON, YES or TRUE in any case.
bool is_switched_on(const char* name);

/// "~/models" -> the home folder's. "~" is not the shell's alone: huggingface_hub expands it too.
std::string expanded(const std::string& path);

/// Where programs keep what they can make again: $XDG_CACHE_HOME, else ~/.cache; nothing without either.
std::optional<std::string> cache_home();

/// Hugging Face's own folder: $HF_HOME, else "huggingface" in the above.
std::optional<std::string> hugging_face_home();

}  // namespace weigh::core
