#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/cli/command_tree.h"

namespace weigh::core {

/// Completion scripts, which need nothing but their shell; the man page in man(7)'s macros.
std::string bash_completion(const CommandTree& tree);
std::string zsh_completion(const CommandTree& tree);
std::string fish_completion(const CommandTree& tree);
std::string man_page(const CommandTree& tree, std::string_view version);

/// What `weigh --generate NAME` writes, for packages: man, complete-bash, complete-zsh or complete-fish. Nothing for
/// another name.
std::optional<std::string> generate(std::string_view name, const CommandTree& tree, std::string_view version);

}  // namespace weigh::core
