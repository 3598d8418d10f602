#pragma once

#include <string_view>

namespace weigh::core {

/// Whether a pickle that imports `name` of `module` gets hold of what runs programs, evaluates text, opens files or
/// speaks to a network. `name` may be a path of attributes ("path.os.system").
bool is_dangerous_import(std::string_view module, std::string_view name);

/// Whether the module, or one that it is a part of, is such a module as a whole ("os", "importlib.util").
bool is_dangerous_module(std::string_view module);

/// Whether a word of code by itself leads there: "subprocess", "eval", "__import__".
bool is_dangerous_word(std::string_view word);

}  // namespace weigh::core
