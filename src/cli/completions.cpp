// Completion scripts: one for each shell, made from the command tree. Without a command it is `inspect`.
#include <fmt/format.h>

#include <algorithm>

#include "src/cli/generate.h"

namespace weigh::core {
namespace {

constexpr std::string_view kDefaultCommand = "inspect";

/// In single quotes for a shell.
std::string in_quotes(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += R"('\'')";
    } else {
      result += c;
    }
  }
  return result + "'";
}

/// With a backslash before each of `special`.
std::string with_backslashes(std::string_view text, std::string_view special) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

std::string command_names(const CommandTree& tree, std::string_view separator) {
  std::vector<std::string> names;
  for (const CommandDescription& command : tree.commands) names.push_back(command.name);
  return fmt::format("{}", fmt::join(names, separator));
}

bool takes_paths(const CommandDescription& command) {
  return std::ranges::any_of(command.arguments, &CommandOption::takes_path);
}

// --- bash ----------------------------------------------------------------------------------------------------------

constexpr std::string_view kBashHead = R"(# bash completion for weigh; made by `weigh --generate complete-bash`.
_weigh_words() {
  local IFS=$' \n'
  COMPREPLY=($(compgen -W "$1" -- "$cur"))
}
_weigh_paths() {
  local IFS=$'\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen -f -- "$cur"))
}
_weigh() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= word
  COMPREPLY=()
  # "--on=rtx" comes as three words.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]] && ((COMP_CWORD > 1)); then
    prev=${COMP_WORDS[COMP_CWORD-2]}
  fi
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
)";

void add_bash_command(const CommandDescription& command, std::string& script) {
  script += fmt::format("    {})\n      case $prev in\n", command.name);
  std::vector<std::string> names;
  for (const CommandOption& option : command.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
    if (option.value.empty()) continue;
    std::string action = "return";
    if (!option.values.empty()) {
      action = fmt::format("_weigh_words {}; return", in_quotes(joined(option.values)));
    } else if (option.takes_path) {
      action = "_weigh_paths; return";
    }
    script += fmt::format("        {}) {} ;;\n", fmt::join(option.names, "|"), action);
  }
  script +=
      fmt::format("      esac\n      [[ $cur == -* ]] && {{ _weigh_words {}; return; }}\n", in_quotes(joined(names)));
  if (takes_paths(command)) script += "      _weigh_paths\n";
  script += "      ;;\n";
}

// --- zsh and fish --------------------------------------------------------------------------------------------------

std::string zsh_action(const CommandOption& option) {
  if (!option.values.empty()) return fmt::format("({})", joined(option.values));
  return option.takes_path ? "_files" : " ";
}

std::string zsh_option(const CommandOption& option) {
  const std::string rest =
      fmt::format("[{}]{}", with_backslashes(option.help, "[]\\"),
                  option.value.empty() ? "" : fmt::format(":{}:{}", option.value, zsh_action(option)));
  std::string lines;
  for (const std::string& name : option.names) {
    // One that may be repeated, or that excludes its other names.
    const std::string before = option.is_repeatable ? "*" : fmt::format("({})", joined(option.names));
    lines += fmt::format("        {} \\\n", in_quotes(before + name + rest));
  }
  return lines;
}

std::string fish_option(const CommandOption& option, std::string_view condition) {
  std::string line = fmt::format("complete -c weigh -n {}", in_quotes(condition));
  for (const std::string& name : option.names) {
    line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  if (!option.value.empty()) line += option.takes_path ? " -r -F" : " -x";
  if (!option.values.empty()) line += fmt::format(" -a {}", in_quotes(joined(option.values)));
  return line + fmt::format(" -d {}\n", in_quotes(with_backslashes(option.help, "\\")));
}

}  // namespace

std::string bash_completion(const CommandTree& tree) {
  std::string script(kBashHead);
  script += fmt::format("      {}) command=$word; break ;;\n    esac\n  done\n", command_names(tree, "|"));
  std::vector<std::string> first;
  for (const CommandDescription& command : tree.commands) first.push_back(command.name);
  script += fmt::format(
      "  if [[ -z $command && $COMP_CWORD -eq 1 && $cur != -* ]]; then\n"
      "    _weigh_words {0}\n"
      "    local commands=(\"${{COMPREPLY[@]}}\")\n"
      "    _weigh_paths\n"
      "    COMPREPLY=(\"${{commands[@]}}\" \"${{COMPREPLY[@]}}\")\n"
      "    return\n"
      "  fi\n"
      "  case ${{command:-{1}}} in\n",
      in_quotes(joined(first)), kDefaultCommand);
  for (CommandDescription command : tree.commands) {
    if (command.name == kDefaultCommand) {
      for (const CommandOption& option : tree.program.options) {
        const auto has_name = [&](const CommandOption& other) { return other.names == option.names; };
        if (std::ranges::none_of(command.options, has_name)) command.options.push_back(option);
      }
    }
    add_bash_command(command, script);
  }
  return script + "  esac\n}\ncomplete -F _weigh weigh\n";
}

std::string zsh_completion(const CommandTree& tree) {
  std::string script =
      "#compdef weigh\n"
      "# zsh completion for weigh; made by `weigh --generate complete-zsh`.\n"
      "_weigh() {\n"
      "  local command= word\n"
      "  local -a commands\n"
      "  commands=(\n";
  for (const CommandDescription& command : tree.commands) {
    script += fmt::format("    {}\n", in_quotes(command.name + ":" + with_backslashes(command.summary, ":\\")));
  }
  script += fmt::format(
      "  )\n"
      "  for word in ${{words[2,CURRENT-1]}}; do\n"
      "    case $word in\n"
      "      ({}) command=$word; break ;;\n"
      "    esac\n"
      "  done\n"
      "  [[ -z $command && $CURRENT -eq 2 ]] && _describe -t commands command commands\n"
      "  case ${{command:-{}}} in\n",
      command_names(tree, "|"), kDefaultCommand);
  for (const CommandDescription& command : tree.commands) {
    script += fmt::format("    ({})\n      _arguments -s \\\n", command.name);
    for (const CommandOption& option : command.options) script += zsh_option(option);
    if (command.name == kDefaultCommand) {
      for (const CommandOption& option : tree.program.options) {
        if (option.names.back() != "--help") script += zsh_option(option);
      }
    }
    script += takes_paths(command) ? "        '*:path:_files'\n      ;;\n" : "        '*: : '\n      ;;\n";
  }
  return script + "  esac\n}\n_weigh \"$@\"\n";
}

std::string fish_completion(const CommandTree& tree) {
  const std::string names = command_names(tree, " ");
  const std::string no_command = "not __fish_seen_subcommand_from " + names;
  std::string script = "# fish completion for weigh; made by `weigh --generate complete-fish`.\n";
  for (const CommandDescription& command : tree.commands) {
    script += fmt::format("complete -c weigh -n {} -a {} -d {}\n", in_quotes(no_command), command.name,
                          in_quotes(with_backslashes(command.summary, "\\")));
  }
  for (const CommandDescription& command : tree.commands) {
    const std::string given = "__fish_seen_subcommand_from " + command.name;
    if (!takes_paths(command)) script += fmt::format("complete -c weigh -n {} -f\n", in_quotes(given));
    const std::string condition = command.name == kDefaultCommand ? given + "; or " + no_command : given;
    for (const CommandOption& option : command.options) script += fish_option(option, condition);
  }
  for (const CommandOption& option : tree.program.options) {
    if (option.names.back() != "--help") script += fish_option(option, no_command);
  }
  return script;
}

}  // namespace weigh::core
